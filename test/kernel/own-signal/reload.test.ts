/** A user's own signal that is replaced while the agent runs. */
import assert from "node:assert/strict";
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it, type TestContext } from "node:test";

import { type Agent, startAgent } from "../support/agent.js";
import { eventually } from "../support/eventually.js";
import { builtExample, edit, lockCounts, locker, outsideFolder, startLocks } from "../support/signal-folder.js";
import { select, sum } from "../support/samples.js";
import { suiteScope } from "../support/scope.js";

describe("own signal, reloaded", () => {
  const scope = suiteScope();
  let built = "";

  before(async () => {
    built = await builtExample(scope);
  });

  /** An agent with the built-in `file` and a copy of the example, whose files may be changed. */
  async function started(t: TestContext): Promise<{ agent: Agent; module: string; folder: string }> {
    const folder = join(outsideFolder(t), "lock");
    cpSync(built, folder, { recursive: true });
    const agent = await startAgent(t, ["--signals=file,lock", `--signals.path=${folder}`, "--labels=comm"]);
    return { agent, folder, module: join(folder, "dist/signal.js") };
  }

  /** When the counter of refused locks began, by OpenMetrics; seconds since 1970. */
  async function created(agent: Agent): Promise<number> {
    const headers = { accept: "application/openmetrics-text" };
    const text = await (await fetch(`${agent.origin}/metrics`, { headers })).text();
    const [, seconds = ""] = /^record_locks_created\{comm="record-locks",result="EAGAIN"\} (.*)$/m.exec(text) ?? [];
    assert(Number(seconds) > 0, text);
    return Number(seconds);
  }

  function times(agent: Agent, message: RegExp): number {
    return agent.stderr.split("\n").filter((line) => message.test(line)).length;
  }

  async function replaced(agent: Agent, change: () => void): Promise<void> {
    const earlier = times(agent, /msg="signal replaced" signal=lock/);
    change();
    await eventually(() => assert.equal(times(agent, /msg="signal replaced" signal=lock/), earlier + 1));
  }

  it("is replaced when its module changes, by what it imports as well", async (t) => {
    const { agent, module, folder } = await started(t);
    await (await startLocks(t, 30, 10, 7)).go();
    assert.deepEqual(lockCounts(await agent.scrape()), { ok: 30, EAGAIN: 10, released: 7 });
    const born = await created(agent);
    await replaced(agent, () => edit(module, '"ok"', '"granted"'));
    await (await startLocks(t, 20, 5, 3)).go();
    const samples = await agent.scrape();
    assert.equal(sum(samples, "record_locks_total", { comm: locker, result: "granted" }), 20);
    // Counters begin anew, and say so.
    assert.deepEqual(lockCounts(samples), { ok: 0, EAGAIN: 5, released: 3 });
    assert((await created(agent)) > born);
    // records.js is another module then, too: a decoder for another layout is noticed.
    edit(join(folder, "dist/records.js"), "lock_event[64]", "lock_event[72]");
    const [line = ""] = await agent.said(/^.*signal not replaced.*$/m);
    assert.match(line, /struct lock_event is not what this build/);
    await (await startLocks(t, 1, 0, 0)).go();
    assert.equal(sum(await agent.scrape(), "record_locks_total", { comm: locker, result: "granted" }), 21);
  });

  it("costs the other signals no event and no count", async (t) => {
    const { agent, module } = await started(t);
    const rounds = 30_000;
    const locks = await startLocks(t, rounds, 0, 0, 200);
    const opened = async (): Promise<number> =>
      sum(await agent.scrape(), "ringtap_file_opens_total", { comm: locker, result: "ok" });
    const earlier = await opened();
    const going = locks.go();
    for (const [from, to] of [
      ["ok", "granted"],
      ["granted", "ok"],
      ["ok", "granted"],
    ] as const) {
      await replaced(agent, () => edit(module, `"${from}"`, `"${to}"`));
      const samples = await agent.scrape();
      assert.equal(select(samples, "record_locks_total", { result: from }).size, 0);
    }
    await going;
    assert.equal((await opened()) - earlier, rounds);
    const samples = await agent.scrape();
    const granted = sum(samples, "record_locks_total", { comm: locker, result: "granted" });
    assert(granted > 0 && granted < rounds, `${granted}`);
    for (const signal of ["file", "lock"]) {
      const [produced = 0, consumed = 0, dropped = 0] = ["produced", "consumed", "dropped"].map((what) =>
        sum(samples, `ringtap_events_${what}_total`, { signal }),
      );
      assert.equal(produced, consumed + dropped, signal);
    }
  });

  it("stays as it was when the new build does not load, and says why in one line; SIGHUP tries again", async (t) => {
    const { agent, module, folder } = await started(t);
    const good = readFileSync(module, "utf8");
    const object = join(folder, `dist/${process.arch}/lock.bpf.o`);
    const program = readFileSync(object);
    await (await startLocks(t, 30, 10, 7)).go();
    let failures = 0;
    const refused = async (change: () => void, reason: RegExp): Promise<void> => {
      change();
      failures++;
      await eventually(() => assert.equal(times(agent, /msg="signal not replaced/), failures));
      assert.match(agent.stderr.trimEnd().split("\n").at(-1) ?? "", reason);
    };
    const rewritten = (from: string, to: string) => (): void => writeFileSync(module, good.replace(from, to));
    await refused(() => writeFileSync(module, `${good}\n(`), /Unexpected end of input/);
    await refused(rewritten("const result =", "throw new TypeError('not today'); const result ="), /start: not today/);
    await refused(rewritten("record_locks_total", "ringtap_file_opens_total"), /declared twice/);
    await refused(
      () => writeFileSync(module, `for (;;);\n${good}`),
      /is not loaded after 10 s: .*does it loop for ever/,
    );
    await refused(rewritten("api: 1", "api: 2"), /api: 2: this ringtap runs signals of api 1/);
    await refused(rewritten('name: "lock"', 'name: "locks"'), /the signal is called locks, no more lock/);
    writeFileSync(module, good);
    await agent.said(/msg="signal replaced"/);
    await refused(() => writeFileSync(object, program.subarray(0, 500)), /lock\.bpf\.o/);
    const unhooked = program.toString("latin1").replaceAll("tp_btf/fcntl_setlk", "tp_btf/fcntl_setno");
    await refused(
      () => writeFileSync(object, unhooked, "latin1"),
      /program \\"lock_setlk\\": this kernel has no tp_btf\/fcntl_setno, unless in a module/,
    );
    await (await startLocks(t, 3, 2, 1)).go();
    assert.deepEqual(lockCounts(await agent.scrape()), { ok: 3, EAGAIN: 2, released: 1 });
    assert.equal(sum(await agent.scrape(), "ringtap_signal_up", { signal: "lock" }), 1);
    assert.doesNotMatch(agent.stderr, /^\s+at /m);
    failures++;
    process.kill(agent.pid, "SIGHUP");
    await eventually(() => assert.equal(times(agent, /msg="signal not replaced/), failures));
    await replaced(agent, () => {
      writeFileSync(object, program);
      process.kill(agent.pid, "SIGHUP");
    });
  });

  it("follows the configuration file that has its renamed flag, and is back when its folder is", async (t) => {
    const folder = join(outsideFolder(t), "lock");
    cpSync(built, folder, { recursive: true });
    const config = join(outsideFolder(t), "ringtap.yaml");
    const write = (flag: string): void =>
      writeFileSync(config, `signals: [lock]\nsignals.path: ${folder}\nlock:\n  ${flag}: true\n`);
    write("failures-only");
    const agent = await startAgent(t, [`--config.file=${config}`]);
    edit(join(folder, "dist/signal.js"), 'toggle("failures-only"', 'toggle("only-failures"');
    const [line = ""] = await agent.said(/^.*signal not replaced.*$/m);
    assert.match(line, /failures-only/);
    write("only-failures");
    await agent.said(/msg="signal replaced"/);
    await eventually(async () =>
      assert.equal(sum(await agent.scrape(), "ringtap_config_last_reload_successful", {}), 1),
    );
    await (await startLocks(t, 30, 10, 7)).go();
    assert.deepEqual(lockCounts(await agent.scrape()), { ok: 0, EAGAIN: 10, released: 7 });
    rmSync(folder, { recursive: true });
    await eventually(() => assert.equal(times(agent, /signal not replaced.*lock is not a folder/), 1));
    await (await startLocks(t, 3, 2, 1)).go();
    assert.deepEqual(lockCounts(await agent.scrape()), { ok: 0, EAGAIN: 12, released: 8 });
  });

  it("keeps what loading takes of its capabilities, and nothing else", async (t) => {
    const { agent, module } = await started(t);
    await agent.said(
      /kept=CAP_BPF,CAP_PERFMON msg="dropped capabilities"|msg="dropped capabilities" kept=CAP_BPF,CAP_PERFMON/,
    );
    const [, effective = ""] = /^CapEff:\s*([\da-f]+)$/m.exec(readFileSync(`/proc/${agent.pid}/status`, "utf8")) ?? [];
    assert.equal(BigInt(`0x${effective}`), (1n << 38n) | (1n << 39n));
    await replaced(agent, () => edit(module, '"ok"', '"granted"'));
  });
});
