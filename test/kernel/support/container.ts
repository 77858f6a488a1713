/** A pod's container as a runtime of Kubernetes would run it, by runc. */
import { execFileSync, spawn } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import type { Container, Pod } from "../../deploy/kinds.js";
import type { NetworkNamespace } from "./network.js";
import { mainScript } from "./ringtap.js";
import type { Scope } from "./scope.js";

/** The parts of an OCI runtime configuration that a pod has a say in. */
interface OciConfig {
  root: { path: string; readonly: boolean };
  process: {
    args: readonly string[];
    env: readonly string[];
    terminal: boolean;
    user: { uid: unknown; gid: unknown };
    capabilities: Readonly<Record<string, readonly string[]>>;
    noNewPrivileges: boolean;
  };
  mounts: readonly OciMount[];
  linux: { namespaces: readonly { type: string; path?: string }[]; resources?: unknown };
}

interface OciMount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

const checkout = fileURLToPath(new URL("../../../..", import.meta.url));

function readOnlyBind(source: string, destination = source): OciMount {
  return { source, destination, type: "bind", options: ["rbind", "ro"] };
}

/** Makes a root file system of this machine's programs and this build, read-only, in the place of an image. */
function imageMounts(rootfs: string): readonly OciMount[] {
  mkdirSync(rootfs);
  const folders = ["/bin", "/lib", "/lib64"].filter((path) => existsSync(path));
  const links = folders.filter((path) => lstatSync(path).isSymbolicLink());
  for (const link of links) {
    symlinkSync(readlinkSync(link), join(rootfs, link));
  }
  const node = dirname(dirname(process.execPath));
  const bound = new Set(["/usr", ...folders.filter((path) => !links.includes(path)), node, checkout]);
  return [...bound].map((path) => readOnlyBind(path));
}

function capabilities({ securityContext }: Container): readonly string[] {
  const { add } = securityContext.capabilities as { readonly add: readonly string[] };
  return add.map((name) => `CAP_${name}`);
}

/** What `runc spec` makes, which is what runtimes begin with, changed to what the pod asks for. */
function configure(config: OciConfig, pod: Pod, network: NetworkNamespace, mounts: readonly OciMount[]): OciConfig {
  const [container] = pod.containers;
  const { runAsUser, runAsGroup, allowPrivilegeEscalation, readOnlyRootFilesystem } = container.securityContext;
  const granted = capabilities(container);
  const env = (container.env ?? []).map(({ name, value }) => `${name}=${value ?? "node-1"}`);
  const replaced = mounts.map(({ destination }) => destination);
  return {
    ...config,
    root: { path: "rootfs", readonly: readOnlyRootFilesystem === true },
    process: {
      ...config.process,
      args: [process.execPath, mainScript, ...container.args],
      env,
      terminal: false,
      user: { uid: runAsUser, gid: runAsGroup },
      capabilities: { bounding: granted, effective: granted, permitted: granted },
      noNewPrivileges: allowPrivilegeEscalation === false,
    },
    mounts: [...config.mounts.filter(({ destination }) => !replaced.includes(destination)), ...mounts],
    linux: {
      ...config.linux,
      namespaces: [
        ...["mount", "ipc", "uts", "cgroup", ...(pod.hostPID === true ? [] : ["pid"])].map((type) => ({ type })),
        { type: "network", path: `/run/netns/${network.name}` },
      ],
    },
  };
}

/**
 * Runs the pod's container in `network`; it goes with the scope. `configuration` is what its one volume holds, by file. Returns what
 * it has written so far.
 */
export function startContainer(
  scope: Scope,
  pod: Pod,
  network: NetworkNamespace,
  configuration: Readonly<Record<string, string>>,
): () => string {
  const bundle = mkdtempSync(join(tmpdir(), "ringtap-pod-"));
  const runc = (...args: readonly string[]): readonly string[] => ["--root", join(bundle, "state"), ...args];
  const files = join(bundle, "files");
  mkdirSync(files);
  for (const [name, text] of Object.entries(configuration)) {
    writeFileSync(join(files, name), text);
  }
  execFileSync("runc", ["spec", "--bundle", bundle]);
  const path = join(bundle, "config.json");
  const usual = JSON.parse(readFileSync(path, "utf8")) as OciConfig;
  const volumes = pod.containers[0].volumeMounts.map(({ mountPath }) => readOnlyBind(files, mountPath));
  const mounts = [...imageMounts(join(bundle, "rootfs")), ...volumes];
  writeFileSync(path, JSON.stringify(configure(usual, pod, network, mounts)));

  let written = "";
  const child = spawn("runc", runc("run", "--bundle", bundle, network.name), { stdio: ["ignore", "pipe", "pipe"] });
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      written += text;
    });
  }
  const ended = new Promise((resolve) => child.on("close", resolve));
  scope.after(async () => {
    execFileSync("runc", runc("delete", "--force", network.name), { stdio: "pipe" });
    await ended;
    rmSync(bundle, { recursive: true });
  });
  return () => written;
}
