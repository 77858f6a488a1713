/** The columns of `ringtap top`: by what processes are told apart, sorted and shown. */
import { bytesText, countText, durationText } from "../../views/shared/quantities.js";

/** What one process did in a span of time: numbers of snapshots as counts, `connections` as it is. */
export interface TopRow {
  /** As a snapshot calls it. */
  readonly id: number;
  readonly pid: string;
  readonly comm: string;
  /** The container's name, or its id where that is all that is known; empty outside of containers. */
  readonly container: string;
  readonly counts: Readonly<Record<string, number>>;
}

/** A column of numbers. */
export interface NumberColumn {
  /** As in `--sort`. */
  readonly key: string;
  readonly heading: string;
  readonly width: number;
  readonly number: string;
  /** What it means, for the help. */
  readonly what: string;
  /** Writes the count of so many seconds. */
  readonly text: (count: number, seconds: number) => string;
}

/** A number in a cell: a dash stands for nothing, so that what there is stands out. */
export function cellText(value: number, text: (value: number) => string): string {
  return value === 0 ? "-" : text(value);
}

function perSecond(text: (value: number) => string): NumberColumn["text"] {
  return (count, seconds) => cellText(count / seconds, text);
}

/** The numbers, in the order in which they are shown. */
export const numberColumns: readonly NumberColumn[] = [
  {
    key: "syscalls",
    heading: "CALLS/S",
    width: 8,
    number: "syscalls",
    what: "system calls",
    text: perSecond(countText),
  },
  {
    key: "errors",
    heading: "ERR/S",
    width: 7,
    number: "syscall_errors",
    what: "of those, failed",
    text: perSecond(countText),
  },
  {
    key: "time",
    heading: "TIME/S",
    width: 7,
    number: "syscall_seconds",
    what: "time in system calls, waiting included, of all threads",
    text: perSecond(durationText),
  },
  {
    key: "opens",
    heading: "OPEN/S",
    width: 7,
    number: "file_opens",
    what: "files opened, or in vain",
    text: perSecond(countText),
  },
  {
    key: "connects",
    heading: "CONN/S",
    width: 7,
    number: "connects",
    what: "TCP connects ended, well or not",
    text: perSecond(countText),
  },
  {
    key: "failures",
    heading: "FAIL/S",
    width: 7,
    number: "connect_failures",
    what: "of those, failed",
    text: perSecond(countText),
  },
  {
    key: "accepts",
    heading: "ACC/S",
    width: 7,
    number: "accepts",
    what: "TCP connections accepted",
    text: perSecond(countText),
  },
  {
    key: "connections",
    heading: "CONNS",
    width: 6,
    number: "connections",
    what: "TCP connections open now",
    text: (count) => cellText(count, countText),
  },
  {
    key: "sent",
    heading: "SENT/S",
    width: 7,
    number: "sent_bytes",
    what: "TCP payload sent, bytes",
    text: perSecond(bytesText),
  },
  {
    key: "received",
    heading: "RECV/S",
    width: 7,
    number: "received_bytes",
    what: "TCP payload received, bytes",
    text: perSecond(bytesText),
  },
];

/** What `--sort` takes. */
export const sortKeys = [...numberColumns.map(({ key }) => key), "pid", "comm"];

/** Sorts by a key: numbers from the greatest, `pid` and `comm` from the least; the other way round when `reversed`. */
export function sortRows(rows: readonly TopRow[], key: string, reversed: boolean): TopRow[] {
  const column = numberColumns.find((candidate) => candidate.key === key);
  const byPid = (a: TopRow, b: TopRow): number => Number(a.pid) - Number(b.pid);
  const compare = (a: TopRow, b: TopRow): number => {
    if (column !== undefined) {
      return (b.counts[column.number] ?? 0) - (a.counts[column.number] ?? 0);
    }
    return key === "comm" && a.comm !== b.comm ? (a.comm < b.comm ? -1 : 1) : byPid(a, b);
  };
  return rows.toSorted((a, b) => (reversed ? -1 : 1) * (compare(a, b) || byPid(a, b)));
}

/** Is a text part of what a process is called, or its pid? */
export function matches({ pid, comm, container }: TopRow, filter: string): boolean {
  return pid === filter || [comm, container].some((name) => name.toLowerCase().includes(filter.toLowerCase()));
}
