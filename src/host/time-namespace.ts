/** The kernel's clock as BPF programs read it, also in a time namespace, where clocks of processes are set off from it. */
import { readFileSync, statSync } from "node:fs";

import { native } from "../binding/native.js";
import type { Finding } from "./finding.js";

/** PROC_TIME_INIT_INO of include/linux/proc_ns.h: the initial time namespace. */
const initialTimeNamespace = 0xeffffffa;

/** The inode of a file in `/proc/self/ns/`, which names a namespace; undefined in a kernel without such ones. */
function namespaceOf(name: string): number | undefined {
  return statSync(`/proc/self/ns/${name}`, { throwIfNoEntry: false })?.ino;
}

/** The line of CLOCK_MONOTONIC in `/proc/<pid>/timens_offsets`, in nanoseconds: time_namespaces(7). */
export function monotonicOffset(text: string): bigint {
  const [, seconds = "0", nanoseconds = "0"] = /^monotonic\s+(-?\d+)\s+(\d+)$/m.exec(text) ?? [];
  return BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds);
}

/**
 * What CLOCK_MONOTONIC of this process is ahead of the host's, in nanoseconds; undefined where that cannot be known: the kernel shows the offsets
 * of the namespace of a process's children (kernel/time/namespace.c: `proc_timens_show_offsets`), which may be another than its own.
 */
function ownOffset(): bigint | undefined {
  const own = namespaceOf("time");
  if (own === undefined || own === initialTimeNamespace) {
    return 0n;
  }
  return own === namespaceOf("time_for_children")
    ? monotonicOffset(readFileSync("/proc/self/timens_offsets", "utf8"))
    : undefined;
}

let offset: bigint | undefined;

/** CLOCK_MONOTONIC of the host in nanoseconds: the clock of `bpf_ktime_get_ns`, and so of all records. */
export function kernelNow(): bigint {
  // A process with threads cannot enter another time namespace.
  return native.monotonicNow() - (offset ??= ownOffset() ?? 0n);
}

/** Whether this process has the host's clocks, or others that can be converted. */
export function timeNamespace(): Finding {
  const check = "time namespace";
  const ahead = ownOffset();
  if (ahead === undefined) {
    return {
      check,
      status: "warn",
      detail: "not the host's, and its offset is not known: the times of events are wrong by it",
      fix: "start ringtap in the host's (nsenter --time=/proc/1/ns/time)",
    };
  }
  const isOwn = namespaceOf("time") !== undefined && namespaceOf("time") !== initialTimeNamespace;
  return {
    check,
    status: "ok",
    detail: isOwn ? `not the host's: its clock is ${Number(ahead) / 1e9} s ahead, which is corrected` : "the host's",
  };
}
