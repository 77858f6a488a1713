/** Loop devices of a test's own. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmdirSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

import { scratch } from "./program.js";
import { lastFirst, type Scope } from "./scope.js";

/** A disk that lies in a file. */
export interface LoopDevice {
  /** `/dev/loop3` */
  readonly path: string;
  /** `loop3` */
  readonly name: string;
  /** The counts of /sys/block/<disk>/stat (Documentation/block/stat.rst). */
  stat(): DiskStat;
}

export interface DiskStat {
  readonly reads: number;
  readonly readSectors: number;
  readonly writes: number;
  readonly writeSectors: number;
  readonly discards: number;
  readonly discardSectors: number;
  readonly flushes: number;
}

/** Has the kernel know loop devices: in guests they are a module. */
export function loadLoopDevices(): void {
  if (!existsSync("/dev/loop-control")) {
    execFileSync("modprobe", ["loop"]);
  }
}

/** Puts a loop device over a sparse file of so many bytes, until the scope ends. */
export function loopDevice(scope: Scope, bytes: number, file = scratch("disk")): LoopDevice {
  loadLoopDevices();
  writeFileSync(file, "");
  truncateSync(file, bytes);
  const path = execFileSync("losetup", ["--find", "--show", file], { encoding: "utf8" }).trim();
  scope.after(() => {
    execFileSync("losetup", ["--detach", path]);
  });
  const name = basename(path);
  return {
    path,
    name,
    stat: () => diskStat(name),
  };
}

/** The counts of a disk. */
export function diskStat(name: string): DiskStat {
  const numbers = readFileSync(`/sys/block/${name}/stat`, "utf8").trim().split(/\s+/).map(Number);
  const at = (index: number): number => numbers[index] ?? 0;
  return {
    reads: at(0),
    readSectors: at(2),
    writes: at(4),
    writeSectors: at(6),
    discards: at(11),
    discardSectors: at(13),
    flushes: at(15),
  };
}

/** Mounts something until the scope ends; returns where. */
export function mounted(scope: Scope, ...options: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), "ringtap-mount-"));
  execFileSync("mount", [...options, folder]);
  scope.after(() => {
    execFileSync("umount", [folder]);
    rmdirSync(folder);
  });
  return folder;
}

/** A disk of 16 MiB whose file has space for one: what is written beyond that fails. */
export function smallDisk(scope: Scope): LoopDevice {
  const own = lastFirst(scope);
  const folder = mounted(own, "-t", "tmpfs", "-o", "size=1m", "tmpfs");
  return loopDevice(own, 16 << 20, `${folder}/disk`);
}

/** What was counted from one reading to another. */
export function grownBy(before: DiskStat, after: DiskStat): DiskStat {
  const entries = Object.entries(after).map(([key, value]) => [key, value - before[key as keyof DiskStat]]);
  return Object.fromEntries(entries) as DiskStat;
}
