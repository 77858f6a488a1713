/** The kernel's clock as BPF programs read it, also in a time namespace, where clocks of processes are set off from it. */
import { readFileSync, statSync } from "node:fs";

import { native } from "./native.js";

/** PROC_TIME_INIT_INO of include/linux/proc_ns.h: the initial time namespace. */
const initialTimeNamespace = 0xeffffffa;

/** The inode of a file in `/proc/self/ns/`, which names a namespace; undefined in a kernel without such ones. */
function namespaceOf(name: string): number | undefined {
  return statSync(`/proc/self/ns/${name}`, { throwIfNoEntry: false })?.ino;
}

/** Is this process in the host's time namespace? */
export function hasHostClock(): boolean {
  return (namespaceOf("time") ?? initialTimeNamespace) === initialTimeNamespace;
}

/** The line of CLOCK_MONOTONIC in `/proc/<pid>/timens_offsets`, in nanoseconds: time_namespaces(7). */
function monotonicOffset(text: string): bigint {
  const [, seconds = "0", nanoseconds = "0"] = /^monotonic\s+(-?\d+)\s+(\d+)$/m.exec(text) ?? [];
  return BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds);
}

/**
 * What CLOCK_MONOTONIC of this process is ahead of the host's, in nanoseconds; undefined where that cannot be known: the kernel
 * shows the offsets of the namespace of a process's children (kernel/time/namespace.c: `proc_timens_show_offsets`), which may be
 * another than its own.
 */
export function clockOffset(): bigint | undefined {
  if (hasHostClock()) {
    return 0n;
  }
  return namespaceOf("time") === namespaceOf("time_for_children")
    ? monotonicOffset(readFileSync("/proc/self/timens_offsets", "utf8"))
    : undefined;
}

let offset: bigint | undefined;

/** CLOCK_MONOTONIC of the host in nanoseconds: the clock of `bpf_ktime_get_ns`, and so of all records. */
export function kernelNow(): bigint {
  // A process with threads cannot enter another time namespace.
  return native.monotonicNow() - (offset ??= clockOffset() ?? 0n);
}
