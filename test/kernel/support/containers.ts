/** Real containers, run by runc: namespaces and a control group of their own. */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

import { scratch } from "./program.js";
import type { Scope } from "./scope.js";
import { startWaiting, type Waiting } from "./waiting.js";

export interface ContainerOptions {
  /** 64 hexadecimal digits. */
  readonly id: string;
  /** A program linked statically: nothing else is in the container. */
  readonly program: string;
  readonly args?: readonly string[];
  /** Path of its control group; `/<id>` when there is none. */
  readonly cgroup?: string;
  /** Path of the network namespace; one of its own when there is none. */
  readonly network?: string;
}

function bundle({ program, args = [], cgroup, network }: ContainerOptions): string {
  const folder = mkdtempSync(scratch("bundle-"));
  mkdirSync(join(folder, "rootfs"));
  copyFileSync(program, join(folder, "rootfs", basename(program)));
  const namespaces = ["pid", "ipc", "uts", "mount"].map((type) => ({ type }));
  const config = {
    ociVersion: "1.0.2",
    process: { terminal: false, user: { uid: 0, gid: 0 }, args: [`/${basename(program)}`, ...args], cwd: "/" },
    root: { path: "rootfs", readonly: true },
    mounts: [{ destination: "/proc", type: "proc", source: "proc" }],
    linux: {
      namespaces: [...namespaces, { type: "network", ...(network === undefined ? undefined : { path: network }) }],
      ...(cgroup === undefined ? undefined : { cgroupsPath: cgroup }),
    },
  };
  mkdirSync(join(folder, "rootfs/proc"));
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  return folder;
}

/** Starts a container and returns when its program has written "ready"; `pid` is that of `runc run`. It goes with the scope. */
export async function startContainer(scope: Scope, options: ContainerOptions): Promise<Waiting> {
  const { id } = options;
  const state = ["--root", scratch("runc")];
  scope.after(() => {
    execFileSync("runc", [...state, "delete", "--force", id], { stdio: "ignore" });
  });
  return startWaiting(scope, "runc", [...state, "run", "--bundle", bundle(options), id]);
}
