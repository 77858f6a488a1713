/** What `top`, the page and snapshots show of system calls. */
import type { Column, Views } from "ringtap/signal";
import { durationNames, type Timing } from "./metrics.js";

function secondsColumn(metric: string): Column {
  return {
    key: "syscall_seconds",
    sort: "time",
    metric,
    unit: "seconds",
    heading: "TIME",
    help: "time in system calls, waiting included, of all threads",
  };
}

/** With calls that are not timed, nothing of durations. */
export function viewsOf(timing: Timing): Views {
  const names = durationNames(timing);
  return {
    position: 10,
    isFrequent: true,
    columns: [
      {
        key: "syscalls",
        metric: "ringtap_syscalls_total",
        unit: "count",
        heading: "CALLS",
        help: "system calls that returned",
      },
      {
        key: "syscall_errors",
        sort: "errors",
        metric: "ringtap_syscall_errors_total",
        unit: "count",
        heading: "ERR",
        help: "system calls that failed",
        isFailure: true,
      },
      ...(names === undefined ? [] : [secondsColumn(names.seconds)]),
    ],
    latencies: names === undefined ? [] : [{ key: "syscall", title: "System calls", metric: names.duration }],
    breakdown: {
      title: "System calls",
      label: "syscall",
      count: "ringtap_syscalls_total",
      ...(names && { seconds: names.seconds }),
      failures: { metric: "ringtap_syscall_errors_total", by: "errno" },
    },
    headline: [{ title: "system calls", column: "syscalls" }],
  };
}
