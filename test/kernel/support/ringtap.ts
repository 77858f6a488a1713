/** Running this build's `ringtap` as a child process. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

import { eventually, slowness } from "./eventually.js";
import type { Scope } from "./scope.js";

/** How a child ended. */
export interface Exit {
  /** The exit status; null when a signal ended it. */
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A child that runs, or has run. */
export interface Ringtap {
  readonly pid: number;
  /** What it has written so far. */
  readonly stdout: string;
  readonly stderr: string;
  /** Resolves when it has exited and all it wrote has been read. */
  readonly exited: Promise<Exit>;
  /** Sends it a signal and waits for its end. */
  stop(signal?: NodeJS.Signals): Promise<Exit>;
  /** Waits until stderr matches; fails after thirty seconds, or when it exits without. */
  said(pattern: RegExp): Promise<RegExpExecArray>;
}

export interface RunOptions {
  /** What the command line begins with, such as `ip netns exec NAME`. It must replace itself by the command. */
  readonly prefix?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Another program than this build's `ringtap`. */
  readonly main?: string;
  /** Another Node than the one that runs this. */
  readonly node?: string;
}

/** This build's entry point. */
export const mainScript = fileURLToPath(new URL("../../../src/cli/main.js", import.meta.url));

/** A prefix: another user than root, who may do nothing but read what stands in the way to this build. */
export const unprivileged = ["setpriv", "--reuid=65534", "--clear-groups", ...onlyCapabilities("dac_read_search")];

/** Arguments of setpriv(1) that leave these capabilities, in effect for any user. */
export function onlyCapabilities(...names: readonly string[]): string[] {
  const set = ["-all", ...names.map((name) => `+${name}`)].join(",");
  return [`--inh-caps=${set}`, `--ambient-caps=${set}`, `--bounding-set=${set}`];
}

/** The environment without `RINGTAP_*`, which would be flags. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("RINGTAP_")));
}

/** Starts `ringtap <args>`. It is killed when the scope ends, if it still runs. */
export function startRingtap(scope: Scope, args: readonly string[], options: RunOptions = {}): Ringtap {
  const { prefix = [], environment = {}, main = mainScript, node = process.execPath } = options;
  const [file = "", ...rest] = [...prefix, node, main, ...args];
  const child = spawn(file, rest, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...cleanEnvironment(), ...environment },
  });
  const written = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      written[name] += text;
    });
  }
  const exited = new Promise<Exit>((resolve, reject) => {
    child.on("error", reject).on("close", (status, signal) => {
      resolve({ status, signal });
    });
  });
  const stop = (signal: NodeJS.Signals = "SIGTERM"): Promise<Exit> => {
    child.kill(signal);
    return exited;
  };
  scope.after(() => stop("SIGKILL"));
  return {
    pid: child.pid ?? 0,
    get stdout() {
      return written.stdout;
    },
    get stderr() {
      return written.stderr;
    },
    exited,
    stop,
    said: (pattern) =>
      eventually(() => {
        const match = pattern.exec(written.stderr);
        if (match !== null) {
          return match;
        }
        throw new Error(`ringtap ${args.join(" ")}: nothing like ${String(pattern)} in:\n${written.stderr}`);
      }),
  };
}

/** Milliseconds that a command may take. */
const longest = slowness > 1 ? 300_000 : 60_000;

/** Runs `ringtap <args>` to its end; one that has not come to it after a minute, in a guest five, is killed. */
export async function runRingtap(
  scope: Scope,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Exit & { stdout: string; stderr: string }> {
  const child = startRingtap(scope, args, options);
  const limit = setTimeout(() => void child.stop("SIGKILL"), longest);
  const exit = await child.exited;
  clearTimeout(limit);
  return { ...exit, stdout: child.stdout, stderr: child.stderr };
}
