/** Signals of users' own, in folders outside the repository. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { networkNamespace } from "./network.js";
import { compileProgram, scratch } from "./program.js";
import { mainScript, startRingtap } from "./ringtap.js";
import { type Samples, sum } from "./samples.js";
import type { Scope } from "./scope.js";
import { startWaiting, type Waiting } from "./waiting.js";

const checkout = fileURLToPath(new URL("../../../../", import.meta.url));

/** A folder that goes with the scope. */
export function outsideFolder(scope: Scope): string {
  const folder = mkdtempSync(join(tmpdir(), "ringtap-own-"));
  scope.after(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

/** Builds the signal in a folder as a user does; what the command says on failure fails the test. */
export async function build(scope: Scope, folder: string): Promise<void> {
  const building = startRingtap(scope, ["signal", "build", folder]);
  const { status } = await building.exited;
  assert.equal(status, 0, building.stderr);
}

/** A copy of the example docs/examples/signal-lock, built. */
export async function builtExample(scope: Scope): Promise<string> {
  const folder = join(outsideFolder(scope), "lock");
  cpSync(join(checkout, "docs/examples/signal-lock"), folder, { recursive: true });
  await build(scope, folder);
  return folder;
}

/** Runs a test file by Node's own runner, as somebody would who is no test; returns its report in TAP. */
export function runTestFile(file: string, folder: string, environment: Readonly<Record<string, string>> = {}): string {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => name !== "NODE_TEST_CONTEXT"));
  const args = ["--test", "--test-reporter=tap", file];
  return execFileSync(process.execPath, args, { cwd: folder, encoding: "utf8", env: { ...env, ...environment } });
}

/**
 * Runs the steps of a tutorial in a folder, one shell for all, to which `ringtap` is this build; returns what they print. They have a network
 * namespace of their own, in which no other agent has the default port.
 */
export function runSteps(scope: Scope, folder: string, steps: readonly string[]): string {
  const path = outsideFolder(scope);
  const command = join(path, "ringtap");
  writeFileSync(command, `#!/bin/sh\nexec ${process.execPath} ${mainScript} "$@"\n`);
  chmodSync(command, 0o755);
  const [file, ...args] = [...networkNamespace(scope).prefix, "bash", "-e", "-c", steps.join("\n"), "tutorial"];
  return execFileSync(file, args, {
    cwd: folder,
    encoding: "utf8",
    env: { ...process.env, PATH: `${path}:${process.env.PATH ?? ""}` },
    timeout: 240_000,
  });
}

/** Changes a file of a folder as an editor does. Fails when there is nothing to change. */
export function edit(path: string, from: string, to: string): void {
  const text = readFileSync(path, "utf8");
  assert(text.includes(from), `${path} has no ${from}`);
  writeFileSync(path, text.replaceAll(from, to));
}

let program: string | undefined;

/** The comm of {@link startLocks}. */
export const locker = "record-locks";

/** Starts a program that takes record locks: see test/kernel/programs/record-locks.c. */
export function startLocks(scope: Scope, ...numbers: readonly number[]): Promise<Waiting> {
  const source = readFileSync(join(checkout, "test/kernel/programs/record-locks.c"), "utf8");
  program ??= compileProgram(locker, source);
  return startWaiting(scope, program, [scratch("locked"), ...numbers.map(String)]);
}

/** Record locks of that program by outcome, and those it released. */
export function lockCounts(samples: Samples): Record<"ok" | "EAGAIN" | "released", number> {
  const locks = (result: string): number => sum(samples, "record_locks_total", { comm: locker, result });
  return {
    ok: locks("ok"),
    EAGAIN: locks("EAGAIN"),
    released: sum(samples, "record_locks_released_total", { comm: locker }),
  };
}
