/** When a user's own signal is loaded anew, with modules in real folders and an agent that counts what it is asked for. */
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, renameSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

import { builtStates, KnownSignals } from "../../../src/cli/flags/own-signals.js";
import { followOwnSignals } from "../../../src/cli/run/own-signal-reload.js";
import { loadOwnSignals, type OwnSignal } from "../../../src/engine/own-signals.js";
import { outsideFolder } from "../../kernel/support/signal-folder.js";
import { until } from "../../kernel/support/eventually.js";
import { runOptions } from "./run-options.js";

type Setup = Parameters<typeof followOwnSignals>[0];

const sound = `export default { api: 1, name: "hello", summary: "x", object: new Uint8Array(1), start() {} };`;

/** Writes a module as a build does, some time ago. */
function writeModule(module: string, text: string): void {
  writeFileSync(module, text);
  utimesSync(module, 1, 1);
}

/** A signal that is followed; its module is `sound`. */
async function followed(t: TestContext): Promise<{
  readonly folder: string;
  readonly module: string;
  readonly reload: () => void;
  readonly agent: { statuses: Setup["agent"]["statuses"] };
  readonly log: { error: unknown[]; info: unknown[] };
}> {
  const folder = join(outsideFolder(t), "hello");
  const module = join(folder, "dist/signal.js");
  mkdirSync(join(folder, "dist"), { recursive: true });
  writeFileSync(join(folder, "package.json"), '{"type":"module"}');
  writeModule(module, sound);
  const known = new KnownSignals();
  const [own] = await loadOwnSignals([folder]);
  known.put(own as OwnSignal);
  known.stamps.set("hello", builtStates(own as OwnSignal).stamp);
  const log: { error: unknown[]; info: unknown[] } = { error: [], info: [] };
  const agent = { statuses: [{ name: "hello" }] as Setup["agent"]["statuses"], replace: () => Promise.resolve() };
  const { reload, stop } = followOwnSignals({
    agent,
    known,
    read: () => runOptions([]),
    onReplaced: () => undefined,
    log: {
      error: ({ err }: { err: Error }) => log.error.push(err.message),
      info: (_: object, message: string) => log.info.push(message),
    } as unknown as Setup["log"],
  });
  t.after(stop);
  return { folder, module, reload, agent, log };
}

describe("own signals that are followed", () => {
  it("are compared once for a storm of SIGHUPs, and tried again by each later one", async (t) => {
    const { module, reload, log } = await followed(t);
    writeModule(module, "null.x;");
    for (let i = 0; i < 1_000; i++) {
      reload();
    }
    await until(() => log.error.length > 0);
    await pause(500);
    assert.equal(log.error.length, 1);
    reload();
    await until(() => log.error.length > 1);
    await pause(100);
    assert.equal(log.error.length, 2);
    writeModule(module, sound);
    reload();
    await until(() => log.info.length === 1);
  });

  it("are replaced after a comparison that failed", async (t) => {
    const { module, reload, agent, log } = await followed(t);
    const { statuses } = agent;
    agent.statuses = undefined as unknown as typeof statuses;
    reload();
    await until(() => log.error.length === 1);
    agent.statuses = statuses;
    writeModule(module, `${sound} `);
    await until(() => log.info.length === 1);
  });

  it("run on when their folder is gone, which is said once, and are replaced when it is back", async (t) => {
    const { folder, log } = await followed(t);
    renameSync(folder, `${folder}.away`);
    await until(() => log.error.length === 1);
    assert.deepEqual(log.error, [`${folder} is not a folder`]);
    await pause(2_200);
    assert.equal(log.error.length, 1);
    renameSync(`${folder}.away`, folder);
    await until(() => log.info.length === 1);
  });

  it("are tried again without SIGHUP when what refused them has changed: a folder's mode, a file outside of dist", async (t) => {
    const { folder, module, log } = await followed(t);
    chmodSync(folder, 0o777);
    writeModule(module, `${sound} `);
    await until(() => log.error.length === 1);
    assert.match(String(log.error[0]), /hello is writable by everyone/);
    chmodSync(folder, 0o755);
    await until(() => log.info.length === 1);
    writeModule(module, 'export { default } from "../other.js";');
    await until(() => log.error.length === 2);
    writeModule(join(folder, "other.js"), sound);
    await until(() => log.info.length === 2);
  });
});
