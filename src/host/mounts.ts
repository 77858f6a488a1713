/** Kernel file systems that are mounted in this mount namespace. */
import { readFileSync } from "node:fs";

import { chooseHierarchy } from "./cgroup-hierarchy.js";
import type { Finding } from "./finding.js";

/** A mounted file system. */
interface Mount {
  readonly folder: string;
  readonly type: string;
}

/** The mounts that a /proc/<pid>/mountinfo lists (proc_pid_mountinfo(5)). */
function mounts(mountinfo: string): Mount[] {
  return mountinfo
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [before = "", after = ""] = line.split(" - ");
      return { folder: before.split(" ")[4] ?? "", type: after.split(" ")[0] ?? "" };
    });
}

/** The cgroup hierarchies that a mountinfo shows. */
export function cgroupFinding(mountinfo: string): Finding {
  const types = new Set(mounts(mountinfo).map(({ type }) => type));
  const check = "cgroups";
  if (types.has("cgroup2")) {
    return { check, status: "ok", detail: types.has("cgroup") ? "hybrid" : "v2" };
  }
  return types.has("cgroup") ? { check, status: "ok", detail: "v1" } : { check, status: "ok", detail: "none mounted" };
}

/** Whether a mountinfo lists tracefs, through which classic tracepoints are attached. */
export function tracefsFinding(mountinfo: string): Finding {
  const check = "tracefs";
  const found = mounts(mountinfo).find(({ type }) => type === "tracefs");
  return found === undefined
    ? {
        check,
        status: "warn",
        detail: "not mounted: classic tracepoints, the fallback for tp_btf, cannot be attached",
        fix: "mount -t tracefs tracefs /sys/kernel/tracing",
      }
    : { check, status: "ok", detail: found.folder };
}

/** The version of control groups that is mounted here, and the hierarchy that identifies containers. */
export function cgroups(): Finding {
  const finding = cgroupFinding(readFileSync("/proc/self/mountinfo", "utf8"));
  return { ...finding, detail: `${finding.detail}; containers are identified by ${chooseHierarchy("auto")}` };
}

/** Whether tracefs is mounted in this mount namespace. */
export function tracefs(): Finding {
  return tracefsFinding(readFileSync("/proc/self/mountinfo", "utf8"));
}
