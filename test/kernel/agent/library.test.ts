/** The package as a library, and the examples of docs/examples, against traffic in exact numbers. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { before, describe, it } from "node:test";

import { Registry } from "prom-client";
import { openAgent, processRates, TcpEventKind } from "ringtap";
import { fences, readDocument } from "../../docs/documents.js";
import { eventually } from "../support/eventually.js";
import { ownSignal } from "../support/own-signal.js";
import { type NetworkNamespace, networkNamespace } from "../support/network.js";
import { compileProgram, runProgram } from "../support/program.js";
import { parseSamples, sum } from "../support/samples.js";
import { type Scope, suiteScope } from "../support/scope.js";
import { outsideFolder } from "../support/signal-folder.js";
import { startWaiting } from "../support/waiting.js";

const programs = new URL("../../../../test/kernel/programs/", import.meta.url);
const examples = new URL("../../../../docs/examples/", import.meta.url);
const comm = "rt-library";
const connects = 25;

/** Starts an example of docs/examples and returns when it has said that it is ready. */
async function example(scope: Scope, name: string, ...args: readonly string[]) {
  const child = spawn(process.execPath, [new URL(name, examples).pathname, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  scope.after(() => child.kill("SIGKILL"));
  const closed = once(child, "close");
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  await eventually(() => {
    assert.match(stderr, /\n$/);
  });
  return {
    said: stderr,
    ends: async (): Promise<string> => {
      assert.deepEqual(await closed, [0, null], stderr);
      return stdout;
    },
    stop: () => child.kill("SIGTERM"),
  };
}

describe("the library", () => {
  const suite = suiteScope();
  let program: string;
  let network: NetworkNamespace;

  before(() => {
    program = compileProgram(comm, readFileSync(new URL("tcp-traffic.c", programs), "utf8"));
    network = networkNamespace(suite);
  });

  /** Connects so often to a port that nobody listens on. */
  async function refusedConnects(scope: Scope): Promise<void> {
    const args = ["connect", 4, "127.0.0.1", 9, "b", connects, 0, 0].map(String);
    const [file = "", ...rest] = [...network.prefix, program, ...args];
    await (await startWaiting(scope, file, rest)).go();
  }

  it("counts, shows records and events, and is scraped, all the same", async (t) => {
    const agent = openAgent({ signals: ["tcp", "process"] });
    t.after(() => {
      agent.close();
    });
    assert.deepEqual(agent.signals, [{ name: "process" }, { name: "tcp" }]);
    const tail = agent.tail({ signals: ["tcp"], comm }, 1_000);
    let records = 0;
    const stop = agent.onRecord("tcp", (record) => {
      records += Number(record.comm === comm && record.kind === TcpEventKind.connect);
    });
    const own = new Registry();
    agent.registerIn(own);

    await refusedConnects(t);
    const found = (await agent.read("ringtap_tcp_connects_total")).filter(({ labels }) => labels.comm === comm);
    assert.deepEqual(
      found.map(({ labels, value }) => [labels.result, value]),
      [["refused", connects]],
    );
    assert.equal(records, connects);
    assert.equal(tail.take().filter(({ event: { event } }) => event === "connect").length, connects);
    const inScrape = async (text: Promise<string> | string): Promise<number> =>
      sum(parseSamples(await text), "ringtap_tcp_connects_total", { comm });
    const { contentType, body } = await agent.metrics("text/plain");
    assert.match(contentType, /^text\/plain; version=0\.0\.4/);
    assert.equal(await inScrape(body.toString()), connects);
    const consumed = (text: string): number =>
      sum(parseSamples(text), "ringtap_events_consumed_total", { signal: "tcp" });
    const before = await own.metrics();
    assert.equal(await inScrape(before), connects);

    stop();
    await refusedConnects(t);
    const after = await own.metrics();
    assert.equal(await inScrape(after), 2 * connects);
    assert(consumed(after) >= consumed(before) + connects, "a registry is told of the signals themselves, too");
    assert.equal(records, connects);
  });

  it("ends an iteration over events when its signal is aborted", async (t) => {
    const agent = openAgent({ signals: ["tcp"] });
    t.after(() => {
      agent.close();
    });
    const stop = new AbortController();
    const all = (async () => {
      let seen = 0;
      for await (const { event } of agent.events({ signals: ["tcp"], comm }, stop.signal)) {
        seen += Number(event === "connect");
        if (seen === connects) {
          stop.abort();
        }
      }
      return seen;
    })();
    await refusedConnects(t);
    assert.equal(await all, connects);
  });

  it("runs a signal of one's own beside built-in ones, with all that it shows", async (t) => {
    const agent = openAgent({ signals: [ownSignal, "tcp"], flags: { tcp: { connectionsLimit: 4096 } } });
    t.after(() => {
      agent.close();
    });
    assert.deepEqual(
      agent.signals.map(({ name }) => name),
      ["process", "tcp", "visits"],
    );
    assert.deepEqual(
      agent.views.map(({ signal }) => signal),
      ["tcp", "visits"],
    );
    const tail = agent.tail({ signals: ["visits"], comm: "rt-visitor", failures: true }, 100);
    let records = 0;
    agent.onRecord(ownSignal, ({ comm: by, error }) => {
      records += Number(by === "rt-visitor" && error !== 0);
    });
    const before = await agent.snapshot();
    const visitor = compileProgram(
      "rt-visitor",
      `#include <fcntl.h>
      int main(void) {
        for (int i = 0; i < 30; i++) open(i < 20 ? "/" : "/no/such/file", O_RDONLY);
        return 0;
      }`,
      ["-static"],
    );
    await runProgram(visitor, []);
    const after = await agent.snapshot();
    const found = after.processes.find(({ labels }) => labels.comm === "rt-visitor");
    assert.ok(found);
    assert.deepEqual([found.totals.visits, found.totals.lent, found.totals.connects], [30, 10, 0]);
    assert.equal(processRates(before, after, 1).get(found.id)?.lent, 10);
    const rows = [
      { name: "read", count: 20 },
      { name: "lent", count: 10 },
    ];
    assert.deepEqual(agent.breakdowns(found.id), [{ signal: "visits", title: "Visits", rows }]);
    assert.equal(records, 10);
    const failures = tail.take();
    assert.deepEqual(
      failures.map(({ event, isFailure }) => [event.signal, event.outcome, isFailure]),
      Array.from({ length: 10 }, () => ["visits", "lent", true]),
    );
  });

  it("counts what a watcher throws, and loses nothing by it", async (t) => {
    const logged: object[] = [];
    const quiet = (): undefined => undefined;
    const error = (details: object): void => void logged.push(details);
    const agent = openAgent({ signals: ["tcp"], log: { info: quiet, warn: quiet, error } });
    t.after(() => {
      agent.close();
    });
    let seen = 0;
    agent.onRecord("tcp", (record) => {
      if (record.comm === comm && record.kind === TcpEventKind.connect) {
        seen++;
        throw new Error("a watcher's own fault");
      }
    });
    await refusedConnects(t);
    const found = (await agent.read("ringtap_tcp_connects_total")).filter(({ labels }) => labels.comm === comm);
    assert.deepEqual([seen, found.map(({ value }) => value)], [connects, [connects]]);
    const errors = await agent.read("ringtap_signal_errors_total");
    const ofWatchers = errors.filter(({ labels }) => labels.signal === "tcp" && labels.phase === "watcher");
    assert.deepEqual(
      ofWatchers.map(({ value }) => value),
      [connects],
    );
    const dropped = await agent.read("ringtap_events_dropped_total");
    assert.deepEqual(
      dropped.filter(({ labels, value }) => labels.signal === "tcp" && value > 0),
      [],
    );
    assert.equal(logged.length, 1);
  });

  it("ends what watches it when it is closed, and reads nothing afterwards", async () => {
    const agent = openAgent({ signals: ["tcp", "syscall"] });
    const own = new Registry();
    agent.registerIn(own);
    assert.match(await own.metrics(), /ringtap_tcp_connects_total/);
    const iteration = (async () => {
      for await (const event of agent.events()) {
        assert.ok(event.signal);
      }
    })();
    const tail = agent.tail({}, 10);
    const links = agent.watchLinks();
    const stop = agent.onRecord("tcp", () => undefined);
    const underWay = agent.snapshot();
    agent.close();
    agent.close();
    await iteration;
    const closed = /^Error: the agent is closed$/;
    await assert.rejects(underWay, closed);
    await assert.rejects(agent.snapshot(), closed);
    await assert.rejects(agent.read("ringtap_tcp_connects_total"), closed);
    await assert.rejects(agent.metrics(), closed);
    assert.throws(() => agent.breakdowns(0), closed);
    assert.throws(() => agent.columns, closed);
    assert.throws(() => agent.views, closed);
    assert.throws(() => agent.watchLinks(), closed);
    assert.throws(() => links.links(), closed);
    assert.throws(() => agent.tail({}, 1), closed);
    assert.throws(() => agent.onRecord("tcp", () => undefined), closed);
    assert.throws(() => {
      agent.registerIn(new Registry());
    }, closed);
    await assert.rejects(agent.events().next(), closed);
    assert.doesNotMatch(await own.metrics(), /ringtap/);
    tail.take();
    assert.deepEqual(tail.take(), []);
    tail.close();
    links.close();
    stop();
  });

  it("refuses arguments of the wrong type by their name", async () => {
    const agent = openAgent({ signals: ["process"] });
    try {
      await assert.rejects(agent.metrics(5 as never), /^TypeError: accept: want a value of type string, not number$/);
      assert.throws(() => agent.onRecord("process", 5 as never), /^TypeError: watcher: want a value of type function/);
      assert.throws(
        () => agent.onRecord(null as never, () => undefined),
        /^TypeError: signal: want a value of type string/,
      );
      assert.throws(
        () => agent.onRecord("tcp", () => undefined),
        /^Error: signal tcp does not run; these do: process$/,
      );
      assert.throws(() => {
        agent.registerIn({} as never);
      }, /^TypeError: registerIn: want a registry of prom-client$/);
      assert.throws(
        () => agent.tail({ signals: ["tcp"] }, 10),
        /^RangeError: unknown signal in the filter "tcp": want process/,
      );
    } finally {
      agent.close();
    }
  });

  it("refuses limits that cannot be", () => {
    assert.throws(() => openAgent({ seriesLimit: 0 }), /seriesLimit 0: want a whole number of at least 1/);
    assert.throws(() => openAgent({ totalSeriesLimit: 999 }), /totalSeriesLimit 999: want at least 1000/);
    assert.throws(() => openAgent({ bodyLimit: 10 }), /bodyLimit 10: want at least 1048576, in bytes/);
  });

  it("prints failed connects and resets, and nothing else, by the first example of docs/library.md", async (t) => {
    const [first] = fences(readDocument("docs/library.md"));
    assert.equal(first?.language, "js");
    const folder = outsideFolder(t);
    mkdirSync(join(folder, "node_modules"));
    symlinkSync(new URL("../../../../", import.meta.url).pathname, join(folder, "node_modules/ringtap"));
    writeFileSync(join(folder, "first.mjs"), first.code);
    const child = spawn(process.execPath, ["first.mjs"], { cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
    t.after(() => child.kill("SIGKILL"));
    let printed = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (printed += text));
    const lines = (line: string): number => printed.split("\n").filter((one) => one === line).length;
    const refused = `${comm} connect 127.0.0.1 refused`;
    // It says nothing when it is ready.
    let earlier = 0;
    for (const deadline = Date.now() + 20_000; lines(refused) === 0 && Date.now() < deadline;) {
      await refusedConnects(t);
      earlier++;
      await setTimeout(500);
    }
    assert.ok(lines(refused) > 0, printed);
    const seen = lines(refused);
    await refusedConnects(t);
    // A process that fails, and a connection that is reset.
    spawnSync("sh", ["-c", "exit 3"]);
    const server = createServer((socket) => socket.resetAndDestroy()).listen(0, "127.0.0.1");
    await once(server, "listening");
    const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
    await once(client, "error");
    server.close();
    await eventually(() => {
      assert.equal(lines(refused), seen + connects);
      assert.match(printed, /^\S+ reset_received 127\.0\.0\.1 $/m);
    });
    assert.ok(seen <= earlier * connects);
    assert.doesNotMatch(printed, /undefined/);
  });

  it("has an example, slow-connects.mjs, that prints every failed connect", async (t) => {
    const running = await example(t, "slow-connects.mjs", "3");
    await refusedConnects(t);
    const lines = (await running.ends()).split("\n").filter((line) => line.includes(`"comm":"${comm}"`));
    assert.equal(lines.length, connects);
  });

  it("has an example, busiest.mjs, that shows who is busiest", async (t) => {
    const steady = await startWaiting(
      t,
      compileProgram("rt-busiest", readFileSync(new URL("steady-calls.c", programs), "utf8")),
    );
    const running = await example(t, "busiest.mjs", "2");
    const output = await running.ends();
    await steady.go();
    assert.match(output, /│ 0 +│ '\d+' +│ 'rt-busiest' +│ \d{5,}/);
    assert.match(output, /'getppid'/);
  });

  it("has an example, own-metrics.mjs, that serves a metric of its own beside ringtap's", async (t) => {
    const running = await example(t, "own-metrics.mjs", "0");
    const [url = ""] = /http:\S+/.exec(running.said) ?? [];
    await refusedConnects(t);
    await fetch(url);
    await setTimeout(200);
    const samples = parseSamples(await (await fetch(url)).text());
    assert.equal(sum(samples, "ringtap_tcp_connects_total", { comm, result: "refused" }), connects);
    assert.ok(sum(samples, "connects_by_port_total", { port: new URL(url).port }) >= 1);
    running.stop();
    await running.ends();
  });
});
