/** What the threads of a process may do, as /proc tells it. */
import { readdirSync, readFileSync } from "node:fs";

/** Capability sets as /proc/<pid>/status writes them, 16 hexadecimal digits each. */
export interface ThreadPrivileges {
  readonly inheritable: string;
  readonly permitted: string;
  readonly effective: string;
  readonly bounding: string;
  readonly ambient: string;
  readonly noNewPrivileges: boolean;
}

/** Of every thread that a process has at the moment, by thread id. */
export function privilegesOfThreads(pid: number | "self"): ReadonlyMap<number, ThreadPrivileges> {
  const folder = `/proc/${pid}/task`;
  return new Map(readdirSync(folder).map((thread) => [Number(thread), read(`${folder}/${thread}/status`)]));
}

function read(path: string): ThreadPrivileges {
  const status = new Map(
    readFileSync(path, "utf8")
      .split("\n")
      .map((line) => line.split(":\t") as [name: string, value: string]),
  );
  return {
    inheritable: status.get("CapInh") ?? "",
    permitted: status.get("CapPrm") ?? "",
    effective: status.get("CapEff") ?? "",
    bounding: status.get("CapBnd") ?? "",
    ambient: status.get("CapAmb") ?? "",
    noNewPrivileges: status.get("NoNewPrivs") === "1",
  };
}

/** Capabilities by number (include/uapi/linux/capability.h), as /proc/<pid>/status writes a set of them. */
export function capabilitySet(...numbers: readonly number[]): string {
  const bits = numbers.reduce((set, number) => set | (1n << BigInt(number)), 0n);
  return bits.toString(16).padStart(16, "0");
}
