/** The columns of numbers that processes are told apart by. */
import { bytes, count, seconds, share } from "./format.js";

export interface Column {
  readonly key: string;
  readonly heading: string;
  readonly title: string;
  /** Writes a rate. */
  readonly rate: (perSecond: number) => string;
  /** Writes a total in few digits. */
  readonly total: (value: number) => string;
  /** Something went wrong, if it is not 0. */
  readonly isBad?: boolean;
  /** A narrow screen does without. */
  readonly isMinor?: boolean;
}

export const columns: readonly Column[] = [
  { key: "connects", heading: "conn", title: "connects that have ended, well or not", rate: count, total: count },
  { key: "connect_failures", heading: "fail", title: "connects that failed", rate: count, total: count, isBad: true },
  { key: "accepts", heading: "acc", title: "connections accepted", rate: count, total: count },
  { key: "connections", heading: "open", title: "connections open now", rate: count, total: count, isMinor: true },
  { key: "sent_bytes", heading: "sent", title: "TCP payload bytes sent", rate: bytes, total: bytes },
  { key: "received_bytes", heading: "recv", title: "TCP payload bytes received", rate: bytes, total: bytes },
  {
    key: "retransmits",
    heading: "rtx",
    title: "TCP segments sent again",
    rate: count,
    total: count,
    isBad: true,
    isMinor: true,
  },
  { key: "syscalls", heading: "calls", title: "system calls", rate: count, total: count },
  { key: "syscall_errors", heading: "err", title: "system calls that failed", rate: count, total: count, isBad: true },
  {
    key: "syscall_seconds",
    heading: "in calls",
    title: "time in system calls, all threads, waiting included",
    rate: share,
    total: seconds,
    isMinor: true,
  },
  { key: "file_opens", heading: "opens", title: "files opened, or tried", rate: count, total: count, isMinor: true },
  {
    key: "file_open_failures",
    heading: "miss",
    title: "opens that failed",
    rate: count,
    total: count,
    isBad: true,
    isMinor: true,
  },
];
