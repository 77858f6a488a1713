/** The flags of the signal syscall. */
import {
  atMost,
  commOf,
  duration,
  inTrace,
  list,
  oneOf,
  pidOf,
  single,
  syscallNameOf,
  toggle,
  wholeNumber,
} from "ringtap/signal";
import { timings } from "./metrics.js";

/** Processes, or names of processes, that can be chosen: FILTERED_MAX of bpf/syscall/call_filters.h. */
const mostFiltered = 1024;

export const flags = {
  mode: single(
    "mode",
    "<mode>",
    "aggregate: count system calls in the kernel; stream: a record for each",
    "aggregate",
    oneOf(["aggregate", "stream"] as const),
  ),
  timing: single(
    "timing",
    "<depth>",
    "durations of system calls, all of which are counted: sampled: estimated; all: measured, which costs more; off: none",
    "sampled",
    oneOf(timings),
  ),
  /** Nanoseconds. */
  minDuration: inTrace(
    single("min-duration", "<duration>", "stream only calls that took at least this long", "0ns", duration),
  ),
  errorsOnly: inTrace(toggle("errors-only", "stream only calls that failed")),
  /** As `ringtap_syscalls_total{syscall}` shows them; empty for all. */
  names: inTrace(list("names", "<name,...>", "stream only these system calls", "", syscallNameOf)),
  /** Empty for all. */
  pids: atMost(mostFiltered, list("pids", "<pid,...>", "stream only calls of these processes", "", pidOf)),
  /** Empty for all. */
  comms: atMost(mostFiltered, list("comms", "<comm,...>", "stream only calls of processes of these names", "", commOf)),
  countsLimit: single(
    "counts-limit",
    "<n>",
    "most pairs of process and system call counted separately",
    "32768",
    wholeNumber(1, 4_194_304),
  ),
  threadsLimit: single(
    "threads-limit",
    "<n>",
    "most threads in the middle of a system call",
    "65536",
    wholeNumber(1, 4_194_304),
  ),
};
