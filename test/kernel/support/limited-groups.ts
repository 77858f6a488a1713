/** Control groups of a test's own that have limits, in whichever version of control groups has the controllers. */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

import { chooseHierarchy } from "../../../src/host/cgroup-hierarchy.js";
import { type ControlGroup, controlGroup, enableController, hierarchy, podPath } from "./cgroups.js";
import type { Scope } from "./scope.js";

/** Does version 2 have the controllers? */
export const isUnified = chooseHierarchy("auto") === "unified";

function limitedGroup(scope: Scope, path: string, controller: "cpu" | "memory"): ControlGroup {
  const group = controlGroup(scope, hierarchy(isUnified ? "cgroup2" : controller), path);
  if (isUnified) {
    enableController(hierarchy("cgroup2"), path, controller);
  }
  return group;
}

function limitMemory(folder: string, megabytes: number): void {
  const limit = (megabytes * 2 ** 20).toString();
  writeFileSync(`${folder}/${isUnified ? "memory.max" : "memory.limit_in_bytes"}`, limit);
}

/** The group of container `id` that may have so many megabytes. */
export function groupOfMemory(scope: Scope, id: string, megabytes: number): ControlGroup {
  const group = limitedGroup(scope, podPath(id), "memory");
  limitMemory(group.folder, megabytes);
  return group;
}

/** The group of container `id`, which has no limit, in a pod whose group may have so many megabytes. */
export function groupOfMemoryWithin(scope: Scope, id: string, megabytes: number): ControlGroup {
  const group = limitedGroup(scope, podPath(id), "memory");
  limitMemory(dirname(group.folder), megabytes);
  return group;
}

/** A group, by its path, that may have 20 of each 100 ms of a CPU. */
export function groupOfCpu(scope: Scope, path: string): ControlGroup {
  const group = limitedGroup(scope, path, "cpu");
  const [file, limit] = isUnified ? ["cpu.max", "20000 100000"] : ["cpu.cfs_quota_us", "20000"];
  writeFileSync(`${group.folder}/${file}`, limit);
  return group;
}

/** How many processes the kernel has killed in a group. */
export function oomKills({ folder }: ControlGroup): number {
  const text = readFileSync(`${folder}/${isUnified ? "memory.events" : "memory.oom_control"}`, "utf8");
  return Number(/^oom_kill (\d+)$/m.exec(text)?.[1]);
}
