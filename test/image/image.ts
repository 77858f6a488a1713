/** The image, and containers of it, as a user would run them with Debian's buildah and podman. */
import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import type { Image } from "../kernel/support/container.js";
import { parseSamples, type Samples } from "../kernel/support/samples.js";
import type { Scope } from "../kernel/support/scope.js";

const checkout = fileURLToPath(new URL("../../../", import.meta.url));
const run = promisify(execFile);

/** Podman with the storage of scripts/package/test-image. */
const podmanPath = `${checkout}scripts/package/podman`;

/** What the tested image is called. */
export const image = imageName();

function imageName(): string {
  const { IMAGE: name } = process.env;
  if (name === undefined) {
    throw new Error("there is no image: this test is for scripts/package/test-image to run");
  }
  return name;
}

/** Runs podman and returns what it says. */
export async function podman(...args: readonly string[]): Promise<string> {
  const { stdout } = await run(podmanPath, args, { maxBuffer: 2 ** 28 });
  return stdout;
}

/** Runs buildah with the same storage and returns what it says, its progress aside, which goes to this process's stderr. */
export function buildah(...args: readonly string[]): string {
  return execFileSync(`${checkout}scripts/package/buildah`, args, { encoding: "utf8", stdio: ["ignore", "pipe", 2] });
}

/** What an image may take, in bytes, compressed. */
export const largest = 80e6;

/** How many bytes a node has to fetch: those of the layers, compressed. */
export function fetchedBytes(scope: Scope, name: string): number {
  const folder = mkdtempSync(join(tmpdir(), "ringtap-pushed-"));
  scope.after(() => {
    rmSync(folder, { recursive: true });
  });
  buildah("push", "--quiet", name, `dir:${folder}`);
  const { layers } = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")) as { layers: { size: number }[] };
  return layers.reduce((total, layer) => total + layer.size, 0);
}

/** A container that runs. */
export interface Container {
  /** Runs a command in it and returns what it says; throws when it fails. */
  exec(...command: readonly string[]): Promise<string>;
  /** Reads /metrics from inside. */
  scrape(): Promise<Samples>;
  /** Podman's health check: throws when the image's command says that it is ill. */
  checkHealth(): Promise<void>;
  /** Ends it by SIGTERM and returns its exit status. */
  stop(): Promise<number>;
  /** What it has written so far, to either stream. */
  logs(): Promise<string>;
}

/** An image's files and what it says of running them, for a runtime to run; they go with the scope. */
export async function unpackImage(scope: Scope, name = image): Promise<Image> {
  const id = (await podman("create", "--pull=never", name)).trim();
  scope.after(() => podman("rm", "--force", id));
  const inspected = await podman("inspect", "--type=image", "--format={{json .Config}}", name);
  const config = JSON.parse(inspected) as { Entrypoint: string[]; Env: string[] };
  const rootfs = (await podman("mount", id)).trim();
  return { rootfs, mounts: [], entrypoint: config.Entrypoint, env: config.Env };
}

/** Fetches the path that follows, from where CMD serves. */
const fetcher = `
  const response = await fetch("http://127.0.0.1:19435" + process.argv[1]);
  process.stdout.write(await response.text());
  process.exitCode = response.ok ? 0 : 1;`;

/** Podman's options for what the agent needs, and nothing else: no root file system to write to, no network, two capabilities. */
export const confined = [
  "--read-only",
  "--read-only-tmpfs=false",
  "--pid=host",
  "--network=none",
  "--cap-drop=all",
  "--cap-add=bpf,perfmon",
  "--security-opt=no-new-privileges",
  // Podman's own would be higher than this machine may allow.
  "--ulimit=nofile=1024:1024",
  "--ulimit=nproc=1024:1024",
];

/** Starts a container of the image, by default with its CMD; it goes with the scope. */
export async function startContainer(
  scope: Scope,
  options: readonly string[],
  command: readonly string[] = [],
): Promise<Container> {
  const id = (await podman("run", "--detach", ...confined, ...options, image, ...command)).trim();
  scope.after(() => podman("rm", "--force", "--time=0", id));
  const exec = (...command: readonly string[]): Promise<string> => podman("exec", id, ...command);
  return {
    exec,
    scrape: async () => parseSamples(await exec("node", "--input-type=module", "-e", fetcher, "/metrics")),
    checkHealth: async () => {
      await podman("healthcheck", "run", id);
    },
    stop: async () => {
      await podman("stop", "--time=10", id);
      return Number(await podman("wait", id));
    },
    logs: async () => {
      const { stdout, stderr } = await run(podmanPath, ["logs", id]);
      return stdout + stderr;
    },
  };
}
