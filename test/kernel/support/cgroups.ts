/** Control groups of a test's own, made where runtimes make theirs. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";

import type { Scope } from "./scope.js";

/** A control group, by the folder that it is. */
export interface ControlGroup {
  readonly folder: string;
  /** The inode number: the id that BPF programs see. */
  readonly id: number;
  /** Moves a process in. */
  enter(pid: number): void;
  /** Removes it; its processes must have gone. */
  remove(): Promise<void>;
}

/** Where a hierarchy is mounted: version 2 (`cgroup2`), or a version 1 controller. */
export function hierarchy(name: "cgroup2" | "pids" | "cpu" | "memory"): string {
  const mounts = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" - ").map((half) => half.split(" ")))
    .find(([, system]) => system?.[0] === name || system?.[2]?.split(",").includes(name));
  const folder = mounts?.[0]?.[4];
  assert(folder !== undefined, `no ${name} hierarchy is mounted: mount one, or run the tests where there is one`);
  return folder;
}

/** Where each hierarchy is mounted, of either version. */
export function hierarchies(): string[] {
  const mounts = readFileSync("/proc/self/mountinfo", "utf8").matchAll(/^(?:\S+ ){4}(\S+) .* - cgroup2? /gm);
  return Array.from(mounts, ([, folder = ""]) => folder);
}

/** As kubelet and containerd lay groups out with the systemd driver, below a folder of the test's: that of container `id`. */
export function podPath(id: string, uid: string = randomUUID()): string {
  const pod = `kubepods-burstable-pod${uid.replaceAll("-", "_")}.slice`;
  return `ringtap-test-${process.pid}/kubepods.slice/kubepods-burstable.slice/${pod}/cri-containerd-${id}.scope`;
}

async function removeEmpty(folder: string): Promise<void> {
  // A process that has just exited is still in it for a moment.
  for (let tries = 0; ; tries++) {
    try {
      rmdirSync(folder);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") {
        return;
      }
      if (tries === 50) {
        throw error;
      }
      await setTimeout(20);
    }
  }
}

/** Makes a control group, and those above it; all go with the scope. */
export function controlGroup(scope: Scope, mount: string, path: string): ControlGroup {
  let folder = mount;
  const made: string[] = [];
  for (const part of path.split("/").filter((name) => name !== "")) {
    folder = `${folder}/${part}`;
    if (statSync(folder, { throwIfNoEntry: false }) === undefined) {
      mkdirSync(folder);
      made.push(folder);
    }
  }
  scope.after(async () => {
    for (const item of made.reverse()) {
      await removeEmpty(item);
    }
  });
  return {
    folder,
    id: statSync(folder).ino,
    enter(pid) {
      writeFileSync(`${folder}/cgroup.procs`, pid.toString());
    },
    remove: () => removeEmpty(folder),
  };
}

/** Gives the groups of a path a controller, from the root of version 2 down. */
export function enableController(root: string, path: string, controller: string): void {
  let folder = root;
  for (const part of path.split("/")) {
    writeFileSync(`${folder}/cgroup.subtree_control`, `+${controller}`);
    folder = `${folder}/${part}`;
  }
}
