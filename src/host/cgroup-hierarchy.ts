/** Which hierarchy of control groups identifies containers on this machine. */
import { readFileSync } from "node:fs";

/** Numbers of `enum cgroup_source`, bpf/include/ringtap/cgroup.h. */
export const cgroupSources = { unified: 1, pids: 2, memory: 3 } as const;

/** `unified` is version 2, the others are the hierarchies of version 1 controllers. */
export type CgroupHierarchy = keyof typeof cgroupSources;

/**
 * The hierarchy that runtimes and systemd put every container and service into, by what /proc/<pid>/cgroup says
 * (cgroups(7)): as long as version 1 has `pids` or `memory`, version 2 is there for systemd alone (hybrid).
 */
export function readHierarchy(processCgroups: string): CgroupHierarchy {
  const controllers = processCgroups.split("\n").flatMap((line) => (line.split(":")[1] ?? "").split(","));
  return (["pids", "memory"] as const).find((name) => controllers.includes(name)) ?? "unified";
}

/** `asked`, or the hierarchy that this machine uses when `asked` is `auto`. */
export function chooseHierarchy(asked: CgroupHierarchy | "auto"): CgroupHierarchy {
  return asked === "auto" ? readHierarchy(readFileSync("/proc/self/cgroup", "utf8")) : asked;
}
