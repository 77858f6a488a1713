/** What `top`, the page and snapshots show of system calls. */
import type { Column, Views } from "ringtap/signal";
import { durationNames, type Timing } from "./metrics.js";

function secondsColumn(metric: string, estimated: string): Column {
  return {
    key: "syscall_seconds",
    sort: "time",
    metric,
    unit: "seconds",
    heading: "TIME",
    help: `time in system calls, waiting included, of all threads${estimated}`,
  };
}

/** With calls that are not timed, nothing of durations; what is estimated says so. */
export function viewsOf(timing: Timing): Views {
  const names = durationNames(timing);
  const estimated = timing === "sampled" ? " (estimated)" : "";
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
      ...(names === undefined ? [] : [secondsColumn(names.seconds, estimated)]),
    ],
    latencies:
      names === undefined ? [] : [{ key: "syscall", title: `System calls${estimated}`, metric: names.duration }],
    breakdown: {
      title: timing === "sampled" ? "Calls (time estimated)" : "System calls",
      label: "syscall",
      count: "ringtap_syscalls_total",
      ...(names && { seconds: names.seconds }),
      failures: { metric: "ringtap_syscall_errors_total", by: "errno" },
    },
    headline: [{ title: "system calls", column: "syscalls" }],
  };
}
