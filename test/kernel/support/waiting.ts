/** Programs that say "ready", wait for the end of their standard input, and then do what a test counts. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";

import type { Scope } from "./scope.js";

/** A program that waits. */
export interface Waiting {
  readonly pid: number;
  /** Lets it go on, and returns the lines it writes until its end, which must be exit status 0. */
  go(): Promise<string[]>;
}

/** Starts a program and returns when it has written "ready". It is killed when the scope ends, if it still runs. */
export async function startWaiting(scope: Scope, path: string, args: readonly string[] = []): Promise<Waiting> {
  const child = spawn(path, args, { stdio: ["pipe", "pipe", "inherit"] });
  scope.after(() => child.kill("SIGKILL"));
  const closed = once(child, "close");
  let written = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    written += text;
  });
  const ended = closed.then(() => {
    throw new Error(`${path} ${args.join(" ")} ended before it was ready`);
  });
  while (!written.startsWith("ready\n")) {
    await Promise.race([once(child.stdout, "data"), ended]);
  }
  ended.catch(() => undefined);
  return {
    pid: child.pid ?? 0,
    async go() {
      child.stdin.end();
      const [status] = (await closed) as [number | null];
      assert.equal(status, 0, `${path} ${args.join(" ")}`);
      return written.trimEnd().split("\n").slice(1);
    },
  };
}
