/** A signal that fails costs its own numbers: whichever call into it throws, the agent goes on and the others count exactly. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createConnection, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";

import { compileBpf } from "../../../scripts/bench/lib/build.js";
import { type RunningAgent, startAgent as startInProcess } from "../../../src/agent/start-agent.js";
import type { Phase } from "../../../src/engine/guard.js";
import { defaultFlags } from "../../../src/engine/load.js";
import { tableSamples } from "../../../src/exposition/register-catalog.js";
import type { Catalog } from "../../../src/metrics/catalog.js";
import { wholeNumber } from "../../../src/sdk/flag-values.js";
import { type FlagValues, single } from "../../../src/sdk/flags.js";
import type { Link } from "../../../src/sdk/links.js";
import type { AnySignal, Running, SignalHost } from "../../../src/sdk/signal.js";
import { file } from "../../../src/signals/file/signal.js";
import { process as processSignal } from "../../../src/signals/process/signal.js";
import { tcp } from "../../../src/signals/tcp/signal.js";
import { startAgent } from "../support/agent.js";
import { copyBuild } from "../support/build-copy.js";
import { eventually } from "../support/eventually.js";
import { heldBy } from "../support/kernel-objects.js";
import { compileProgram, runProgram } from "../support/program.js";
import { startRingtap } from "../support/ringtap.js";
import { sum } from "../support/samples.js";
import type { Scope } from "../support/scope.js";
import { startWaiting } from "../support/waiting.js";

const root = fileURLToPath(new URL("../../../../", import.meta.url));

const children = 20;
const connections = 5;

let spawner = "";
let child = "";
let traffic = "";

before(() => {
  const source = readFileSync(join(root, "test/kernel/programs/processes.c"), "utf8");
  spawner = compileProgram("rt-spawner", source);
  child = compileProgram("rt-isolated", source);
  traffic = compileProgram("rt-isolated-tcp", readFileSync(join(root, "test/kernel/programs/tcp-traffic.c"), "utf8"));
});

/** What the other signals are to count: {@link children} processes, {@link connections} connections. */
async function work(scope: Scope): Promise<void> {
  await runProgram(spawner, ["spawn", child, String(children), "exit", "3"]);
  const server = await startWaiting(scope, traffic, ["serve", "4", "7519", String(connections), "0"]);
  const client = await startWaiting(scope, traffic, [
    "connect",
    "4",
    "127.0.0.1",
    "7519",
    "n",
    String(connections),
    "0",
    "0",
  ]);
  await Promise.all([server.go(), client.go()]);
}

/** The sum of a metric's values with these labels, as the tables stand. */
function total(catalog: Catalog, metric: string, labels: Readonly<Record<string, string>>): number {
  const table = [...catalog].find(({ name }) => name === metric);
  assert(table !== undefined, metric);
  return [...tableSamples(table)]
    .filter((sample) => Object.entries(labels).every(([name, value]) => sample.labels[name] === value))
    .reduce((all, { value }) => all + value, 0);
}

/** Asserts that signals other than `file` are up and have counted one {@link work} exactly. */
async function assertOthersExact(agent: RunningAgent): Promise<void> {
  await agent.collect();
  const { catalog } = agent;
  const comm = "rt-isolated";
  const ends = { comm: "rt-isolated-tcp" };
  assert.equal(total(catalog, "ringtap_process_execs_total", { comm }), children);
  assert.equal(total(catalog, "ringtap_process_exits_total", { comm, reason: "error" }), children);
  assert.equal(total(catalog, "ringtap_tcp_connects_total", { ...ends, result: "established" }), connections);
  assert.equal(total(catalog, "ringtap_tcp_accepts_total", ends), connections);
  for (const signal of ["process", "tcp"]) {
    assert.equal(total(catalog, "ringtap_signal_up", { signal }), 1, signal);
    assert.equal(total(catalog, "ringtap_signal_errors_total", { signal }), 0, signal);
    assert.equal(total(catalog, "ringtap_events_dropped_total", { signal }), 0, signal);
  }
}

/** Lines of the log about errors. */
type Errors = Record<string, unknown>[];

/** Starts an agent in this process: all of `file` as given, and the signals beside which it is to fail. */
function start(scope: Scope, spoiled: AnySignal): { agent: RunningAgent; errors: Errors } {
  const errors: Errors = [];
  const log = {
    info: () => undefined,
    warn: () => undefined,
    error: (details: object) => errors.push({ ...details }),
  };
  const agent = startInProcess({ signals: [processSignal, tcp, spoiled], log });
  scope.after(() => {
    agent.close();
  });
  return { agent, errors };
}

/** Throws, and counts how often. */
class Fault {
  thrown = 0;
  readonly throw = (): never => {
    this.thrown++;
    throw new Error(`fault ${this.thrown}`);
  };
}

/** The signal `file` with parts of what runs replaced, and a record for each open. A flag lets it be configured. */
function spoil(faults: (sound: Running) => Partial<Running>, more: Partial<AnySignal> = {}): AnySignal {
  const whole: AnySignal = file;
  return {
    ...whole,
    flags: { ...file.flags, level: single("level", "<n>", "any number", "1", wholeNumber(1, 9)) },
    setup: (flags: FlagValues<typeof file.flags>, host: SignalHost) => file.setup(flags, { ...host, watched: "all" }),
    start(...args) {
      const sound = whole.start(...args) as Running;
      return { ...sound, ...faults(sound) };
    },
    ...more,
  };
}

/** What is spoiled, and what calls it where the agent alone does not. */
interface Spoiling {
  readonly phase: Phase;
  readonly signal: (fault: Fault) => AnySignal;
  readonly provoke?: (agent: RunningAgent, fault: Fault) => unknown;
}

const spoilings: Readonly<Record<string, Spoiling>> = {
  "records, for each third one": {
    phase: "records",
    signal: (fault) =>
      spoil(() => {
        let taken = 0;
        return {
          records(batch) {
            while (batch.next()) {
              if (++taken % 3 === 0) {
                fault.throw();
              }
            }
          },
        };
      }),
  },
  "records, before the first one": {
    phase: "records",
    signal: (fault) => spoil(() => ({ records: fault.throw })),
  },
  attached: { phase: "attached", signal: (fault) => spoil(() => ({ attached: fault.throw })) },
  collect: { phase: "collect", signal: (fault) => spoil(() => ({ collect: fault.throw })) },
  "collect, in a later turn": {
    phase: "collect",
    signal: (fault) =>
      spoil(() => ({
        async collect() {
          await nextTurn();
          fault.throw();
        },
      })),
  },
  maintain: { phase: "maintain", signal: (fault) => spoil(() => ({ maintain: fault.throw })) },
  flush: { phase: "flush", signal: (fault) => spoil(() => ({ flush: fault.throw })) },
  stats: { phase: "stats", signal: (fault) => spoil(() => ({ stats: fault.throw })) },
  reconfigure: {
    phase: "reconfigure",
    signal: (fault) => spoil(() => ({ reconfigure: fault.throw })),
    provoke({ running }) {
      running
        .find(({ signal }) => signal.name === "file")
        ?.reconfigure({ ...defaultFlags(file), level: 2 })
        ?.commit();
    },
  },
  "watchLinks itself": {
    phase: "links",
    signal: (fault) => spoil(() => ({ watchLinks: fault.throw })),
    async provoke(agent) {
      await assertLinks(agent);
    },
  },
  "links and close of a watch": {
    phase: "links",
    signal: (fault) => spoil(() => ({ watchLinks: () => ({ links: fault.throw, close: fault.throw }) })),
    async provoke(agent, fault) {
      await assertLinks(agent);
      assert.equal(fault.thrown, 2);
    },
  },
  "fields of a trace": {
    phase: "trace",
    signal: (fault) => spoil(() => ({}), { trace: { ...file.trace, fields: fault.throw } }),
    provoke: assertTail,
  },
  "failed of a trace": {
    phase: "trace",
    signal: (fault) => spoil(() => ({}), { trace: { ...file.trace, failed: fault.throw } }),
    provoke: assertTail,
  },
  "a watcher": {
    phase: "watcher",
    signal: () => spoil(() => ({})),
    async provoke({ running }, fault) {
      const watched = running.find(({ signal }) => signal.name === "file");
      const stop = watched?.watch(fault.throw);
      let seen = 0;
      const stopOther = watched?.watch(() => seen++);
      await eventually(() => {
        assert(fault.thrown > 0);
      });
      stop?.();
      stopOther?.();
      assert.equal(seen, fault.thrown, "another watcher sees each record");
    },
  },
};

/** Asserts that the links of other signals are there. */
async function assertLinks(agent: RunningAgent): Promise<void> {
  const watch = agent.live.watchLinks();
  await agent.collect();
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const client = createConnection(port, "127.0.0.1");
  await once(client, "connect");
  await agent.collect();
  const ours = watch.links().filter((link) => link.pid === process.pid && link.port === port);
  assert.deepEqual(ours.map(({ role }) => role).sort(), ["client", "server"]);
  watch.close();
  client.destroy();
  server.close();
  await once(server, "close");
}

/** Asserts that a tail of all signals has the events of the others. */
async function assertTail(agent: RunningAgent, fault: Fault): Promise<void> {
  const tail = agent.live.tail({}, 100_000);
  await runProgram(spawner, ["spawn", child, "3", "exit", "0"]);
  const events = await eventually(async () => {
    await agent.collect();
    assert(fault.thrown > 0);
    return tail.take().map(({ event }) => event);
  });
  tail.close();
  assert.deepEqual(
    events.filter(({ signal }) => signal === "file"),
    [],
  );
  const exits = events.filter((event) => event.signal === "process" && event.event === "exit");
  assert.equal(exits.filter(({ comm }) => comm === "rt-isolated").length, 3);
}

describe("a signal that throws in", () => {
  for (const [name, { phase, signal, provoke }] of Object.entries(spoilings)) {
    it(name, async (t) => {
      const held = heldBy(process.pid);
      const fault = new Fault();
      const { agent, errors } = start(t, signal(fault));
      const { catalog } = agent;
      await work(t);
      await assertOthersExact(agent);
      await provoke?.(agent, fault);
      await eventually(async () => {
        await agent.collect();
        assert(fault.thrown > 0);
        assert.equal(total(catalog, "ringtap_signal_errors_total", { signal: "file", phase }), fault.thrown);
      });
      assert.equal(
        total(catalog, "ringtap_signal_errors_total", { signal: "file" }),
        fault.thrown,
        "of no other phase",
      );
      assert.equal(total(catalog, "ringtap_signal_up", { signal: "file" }), 1);
      const events = (kind: string, labels = {}): number =>
        total(catalog, `ringtap_events_${kind}_total`, { signal: "file", ...labels });
      assert.equal(events("dropped", { reason: "handler_error" }), phase === "records" ? fault.thrown : 0);
      await eventually(async () => {
        await agent.collect();
        assert.equal(events("consumed") + events("dropped"), events("produced"));
      });
      assert.deepEqual(
        errors.map((error) => [error.signal, error.phase, (error.err as Error).message]),
        [["file", phase, "fault 1"]],
      );
      agent.close();
      assert.deepEqual(heldBy(process.pid), held);
    });
  }

  it("close", async (t) => {
    const held = heldBy(process.pid);
    const fault = new Fault();
    const { agent } = start(
      t,
      spoil(() => ({ close: fault.throw })),
    );
    await work(t);
    await assertOthersExact(agent);
    agent.close();
    assert.equal(fault.thrown, 1);
    assert.equal(agent.running.find(({ signal }) => signal.name === "file")?.errors.close, 1);
    assert.deepEqual(heldBy(process.pid), held, "nothing of it or of the others stays");
    agent.close();
    assert.equal(fault.thrown, 1, "it is called once");
  });
});

describe("a signal that is replaced", () => {
  it("takes its tails and link watches along", async (t) => {
    const calls: string[] = [];
    /** A build of `file` that says in its events and links who it is. */
    const build = (name: string): AnySignal => ({
      ...spoil(() => ({
        watchLinks: () => ({
          links: () => [{ id: 1, comm: name } as Link],
          close: () => {
            calls.push(`${name} closed`);
          },
        }),
      })),
      trace: {
        ...file.trace,
        types: { ...file.trace.types, build: "string" },
        fields: (record) => ({ ...file.trace.fields(record as never), build: name }),
      },
    });
    const { agent } = start(t, build("first"));
    const tail = agent.live.tail({ signals: ["file"] }, 100_000);
    const links = agent.live.watchLinks();
    const comms = (): string[] =>
      links.links().flatMap(({ comm }) => (comm === "first" || comm === "second" ? [comm] : []));
    const opener = compileProgram(
      "rt-opens",
      '#include <fcntl.h>\nint main(void) { for (int i = 0; i < 40; i++) open("/nonexistent", O_RDONLY); }',
    );
    /** The builds that the events of a run come from; its loader opens two or three files more. */
    const traced = async (): Promise<unknown[]> => {
      await runProgram(opener);
      await agent.collect();
      return tail.take().flatMap(({ event }) => (event.comm === "rt-opens" ? [event.build] : []));
    };
    const before = await traced();
    assert(before.length >= 40);
    assert.deepEqual(new Set(before), new Set(["first"]));
    assert.deepEqual(comms(), ["first"]);
    await assert.rejects(
      agent.replace({ ...build("third"), start: new Fault().throw }, { level: 1 }),
      /attaching signal file/,
    );
    assert.deepEqual(comms(), ["first"]);
    await agent.replace(build("second"), { level: 1 });
    assert.deepEqual(calls, ["first closed"]);
    assert.deepEqual(
      await traced(),
      before.map(() => "second"),
    );
    assert.deepEqual(comms(), ["second"]);
    links.close();
    tail.close();
    assert.deepEqual(calls, ["first closed", "second closed"]);
  });
});

/** The signal `file` with a program that cannot be attached. */
function unattachable(scope: Scope): AnySignal {
  const scratch = mkdtempSync(join(tmpdir(), "ringtap-isolation-"));
  scope.after(() => {
    rmSync(scratch, { recursive: true });
  });
  const source = "test/kernel/programs/hook-that-is-not-there.bpf.c";
  return { ...file, object: pathToFileURL(compileBpf({ root, scratch }, source, "file.bpf.o")) };
}

describe("a signal that does not come up because of its", () => {
  const causes: Readonly<Record<string, readonly [(scope: Scope) => AnySignal, RegExp]>> = {
    setup: [(): AnySignal => ({ ...file, setup: new Fault().throw }), /fault 1/],
    start: [
      (): AnySignal =>
        spoil(() => {
          // All of its metrics are declared by now.
          throw new Error("fault 1");
        }),
      /fault 1/,
    ],
    attach: [unattachable, /attach_nowhere/],
  };
  for (const [name, [signal, problem]] of Object.entries(causes)) {
    it(`${name} leaves no metric and the others run`, async (t) => {
      const held = heldBy(process.pid);
      const { agent, errors } = start(t, signal(t));
      await work(t);
      await assertOthersExact(agent);
      const { catalog, statuses } = agent;
      const families = [...catalog].map((table) => table.name);
      assert.deepEqual(
        families.filter((family) => family.startsWith("ringtap_file")),
        [],
      );
      assert.equal(total(catalog, "ringtap_signal_up", { signal: "file" }), 0);
      assert.deepEqual(
        statuses.filter(({ running }) => running === undefined).map((status) => status.name),
        ["file"],
      );
      assert.match(statuses.find((status) => status.name === "file")?.problem ?? "", problem);
      assert.deepEqual(
        errors.map((error) => error.signal),
        ["file"],
      );
      agent.close();
      assert.deepEqual(heldBy(process.pid), held);
    });
  }
});

/** Replaces a part of a file, which must have it. */
function edit(path: string, from: string, to: string): void {
  const text = readFileSync(path, "utf8");
  assert(text.includes(from));
  writeFileSync(path, text.replace(from, to));
}

/** The entry point of a build whose `file` is replaced by what an expression makes of it, which calls it `sound`. */
function buildWith(scope: Scope, expression: string): string {
  const copy = copyBuild(scope);
  // It runs the modules, not what the bundle has of them.
  edit(copy.main, "../bundle/", "./");
  edit(copy.path("dist/src/signals/index.js"), '"./file/signal.js"', '"./file/spoiled.js"');
  writeFileSync(
    copy.path("dist/src/signals/file/spoiled.js"),
    `import { file as sound } from "./signal.js";\nexport const file = ${expression};\n`,
  );
  return copy.main;
}

const fault = '() => { throw new Error("fault"); }';

describe("ringtap run with a signal that throws", () => {
  it("in collect serves the others' numbers, and /readyz says so", async (t) => {
    const main = buildWith(t, `{ ...sound, start: (...all) => ({ ...sound.start(...all), collect: ${fault} }) }`);
    const agent = await startAgent(t, ["--signals=process,tcp,file"], { main });
    assert.equal((await agent.get("/readyz")).status, 200, "nothing has been collected yet");
    await work(t);
    const samples = await agent.scrape();
    const comm = "rt-isolated";
    const ends = { comm: "rt-isolated-tcp" };
    assert.equal(sum(samples, "ringtap_process_execs_total", { comm }), children);
    assert.equal(sum(samples, "ringtap_process_exits_total", { comm, reason: "error" }), children);
    assert.equal(sum(samples, "ringtap_tcp_connects_total", { ...ends, result: "established" }), connections);
    assert.equal(sum(samples, "ringtap_tcp_accepts_total", ends), connections);
    assert.equal(sum(samples, "ringtap_signal_errors_total", { signal: "file", phase: "collect" }), 1);
    assert.equal(sum(samples, "ringtap_signal_errors_total", {}), 1);
    const ready = await agent.get("/readyz");
    assert.equal(ready.status, 503);
    assert.deepEqual((await ready.text()).trimEnd().split("\n"), [
      "process: up (tp_btf)",
      "tcp: up (tp_btf)",
      "file: up (tp_btf); its numbers could not be collected at the last scrape; the log has the reason",
    ]);
    assert.match(agent.stderr, /level=error msg="a call into the signal failed" signal=file phase=collect err=.*fault/);
    assert.deepEqual(await agent.stop(), { status: 0, signal: null });
  });

  it("in start leaves it out", async (t) => {
    const main = buildWith(t, `{ ...sound, start: (...all) => { sound.start(...all); (${fault})(); } }`);
    const agent = await startAgent(t, ["--signals=process,tcp,file"], { main });
    await work(t);
    const samples = await agent.scrape();
    assert.equal(sum(samples, "ringtap_process_execs_total", { comm: "rt-isolated" }), children);
    assert(![...samples.keys()].some((series) => series.startsWith("ringtap_file")));
    const ready = await agent.get("/readyz");
    assert.equal(ready.status, 503);
    assert.match(await ready.text(), /^file: down \(attaching signal file: tp_btf: start: fault\)$/m);
    assert.deepEqual(await agent.stop(), { status: 0, signal: null });
  });
});

describe("ringtap trace of a signal that throws", () => {
  it("prints what it can, and says how many events it could not", async (t) => {
    const main = buildWith(
      t,
      `((n) => ({ ...sound, trace: { ...sound.trace, fields(record) {
        if (record.comm === "rt-opens" && ++n % 4 === 0) { throw new Error("fault"); }
        return sound.trace.fields(record);
      } } }))(0)`,
    );
    const opener = compileProgram(
      "rt-opens",
      '#include <fcntl.h>\nint main(void) { for (int i = 0; i < 40; i++) open("/nonexistent", O_RDONLY); }',
    );
    const trace = startRingtap(t, ["trace", "file", "--comm=rt-opens", "--output=json"], { main });
    await trace.said(/msg="?tracing/);
    await runProgram(opener);
    const printed = (): Record<string, unknown>[] =>
      trace.stdout
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line) as Record<string, unknown>)
        .filter(({ path }) => path === "/nonexistent");
    await eventually(() => {
      assert(printed().length >= 29);
    });
    const { status } = await trace.stop("SIGINT");
    assert.equal(status, 0);
    const [, lost = "0"] = /msg="events lost" trace_error=(\d+)/.exec(trace.stderr) ?? [];
    // The loader opens files as well.
    const all = trace.stdout.split("\n").length - 1 + Number(lost);
    assert.equal(Number(lost), Math.floor(all / 4));
    assert(printed().length >= 29 && printed().length + Number(lost) >= 40);
    assert.match(trace.stderr, /phase=trace err=.*fault/);
  });
});
