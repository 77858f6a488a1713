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
import type { FakeApiServer } from "../../kubernetes/support/fake-api-server.js";
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

/** What a container is made from: what runtimes take of an image. */
export interface Image {
  /** Folder of its files. Mount points that it lacks are made in it. */
  readonly rootfs: string;
  readonly mounts: readonly OciMount[];
  readonly entrypoint: readonly string[];
  /** `NAME=value` */
  readonly env: readonly string[];
}

/** Of this machine's programs and this build, read-only. Makes the folder. */
function machineImage(rootfs: string): Image {
  mkdirSync(rootfs);
  const folders = ["/bin", "/lib", "/lib64"].filter((path) => existsSync(path));
  const links = folders.filter((path) => lstatSync(path).isSymbolicLink());
  for (const link of links) {
    symlinkSync(readlinkSync(link), join(rootfs, link));
  }
  const node = dirname(dirname(process.execPath));
  const bound = new Set(["/usr", ...folders.filter((path) => !links.includes(path)), node, checkout]);
  const mounts = [...bound].map((path) => readOnlyBind(path));
  return { rootfs, mounts, entrypoint: [process.execPath, mainScript], env: [] };
}

function capabilities({ securityContext }: Container): readonly string[] {
  const { add } = securityContext.capabilities as { readonly add: readonly string[] };
  return add.map((name) => `CAP_${name}`);
}

/** A pod, and what its node and its cluster give it. */
export interface PodOptions {
  readonly pod: Pod;
  readonly network: NetworkNamespace;
  /** What the volume of its configuration holds, by file. */
  readonly configuration: Readonly<Record<string, string>>;
  /** What the pod's service account may ask; none when there is none. */
  readonly api?: FakeApiServer;
  /** This machine's programs and this build when there is none. */
  readonly image?: Image;
}

/** What `runc spec` makes, which is what runtimes begin with, changed to what the pod asks for. */
function configure(
  config: OciConfig,
  { pod, network, api }: PodOptions,
  image: Image,
  volumes: readonly OciMount[],
): OciConfig {
  const [container] = pod.containers;
  const { runAsUser, runAsGroup, allowPrivilegeEscalation, readOnlyRootFilesystem } = container.securityContext;
  const granted = capabilities(container);
  const env = (container.env ?? []).map(({ name, value }) => `${name}=${value ?? "node-1"}`);
  const server = api === undefined ? undefined : new URL(api.url);
  if (server !== undefined) {
    env.push(`KUBERNETES_SERVICE_HOST=${server.hostname}`, `KUBERNETES_SERVICE_PORT=${server.port}`);
  }
  const mounts = [...image.mounts, ...volumes];
  const replaced = mounts.map(({ destination }) => destination);
  return {
    ...config,
    root: { path: image.rootfs, readonly: readOnlyRootFilesystem === true },
    process: {
      ...config.process,
      args: [...image.entrypoint, ...container.args],
      env: [...image.env, ...env],
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

/** A folder with these files, made in `parent`. */
function folderOf(parent: string, name: string, files: Readonly<Record<string, string | Buffer>>): string {
  const folder = join(parent, name);
  mkdirSync(folder);
  for (const [file, content] of Object.entries(files)) {
    writeFileSync(join(folder, file), content);
  }
  return folder;
}

/** The pod's one volume, and that which Kubernetes adds for its service account. */
function volumeMounts(bundle: string, { pod, configuration, api }: PodOptions): OciMount[] {
  const files = folderOf(bundle, "files", configuration);
  const mounts = pod.containers[0].volumeMounts.map(({ mountPath }) => readOnlyBind(files, mountPath));
  if (api !== undefined && pod.automountServiceAccountToken) {
    const account = { token: readFileSync(api.tokenFile), "ca.crt": readFileSync(api.caFile) };
    mounts.push(readOnlyBind(folderOf(bundle, "account", account), "/var/run/secrets/kubernetes.io/serviceaccount"));
  }
  return mounts;
}

/** Runs the pod's container in its network, named as that is; it goes with the scope. Returns what it has written so far. */
export function startContainer(scope: Scope, options: PodOptions): () => string {
  const bundle = mkdtempSync(join(tmpdir(), "ringtap-pod-"));
  const { name } = options.network;
  const runc = (...args: readonly string[]): readonly string[] => ["--root", join(bundle, "state"), ...args];
  execFileSync("runc", ["spec", "--bundle", bundle]);
  const path = join(bundle, "config.json");
  const usual = JSON.parse(readFileSync(path, "utf8")) as OciConfig;
  const image = options.image ?? machineImage(join(bundle, "rootfs"));
  writeFileSync(path, JSON.stringify(configure(usual, options, image, volumeMounts(bundle, options))));

  let written = "";
  const child = spawn("runc", runc("run", "--bundle", bundle, name), { stdio: ["ignore", "pipe", "pipe"] });
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      written += text;
    });
  }
  const ended = new Promise((resolve) => child.on("close", resolve));
  scope.after(async () => {
    execFileSync("runc", runc("delete", "--force", name), { stdio: "pipe" });
    await ended;
    rmSync(bundle, { recursive: true });
  });
  return () => written;
}
