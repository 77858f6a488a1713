import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

import { Command } from "commander";

import { KnownSignals } from "../../../src/cli/flags/own-signals.js";
import { throwErrors } from "../../../src/cli/errors.js";
import { addRunFlags, readRunOptions, type RunOptions } from "../../../src/cli/run/options.js";
import type { AnySignal } from "../../../src/sdk/signal.js";
import { file } from "../../../src/signals/file/signal.js";
import { process } from "../../../src/signals/process/signal.js";
import { syscall } from "../../../src/signals/syscall/signal.js";
import { tcp } from "../../../src/signals/tcp/signal.js";

/** The signals in the order in which messages name them. */
const signals: readonly AnySignal[] = [tcp, syscall, file, process];

/** What `ringtap run <args>` would be told, with these environment variables and no others. */
export function runOptions(
  args: readonly string[],
  environment: Readonly<NodeJS.ProcessEnv> = {},
  among: readonly AnySignal[] = signals,
): RunOptions {
  const command = throwErrors(new Command("run"));
  const known = new KnownSignals(among);
  addRunFlags(command, known);
  command.parse(args, { from: "user" });
  return readRunOptions(command, known, environment);
}

/** Writes a configuration file that goes when the test ends, and returns its path. */
export function configFile(test: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), "ringtap-config-"));
  test.after(() => {
    rmSync(folder, { recursive: true });
  });
  const path = join(folder, "ringtap.yaml");
  writeFileSync(path, text);
  return path;
}
