import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { wallClock, wallClockAt } from "../../../src/views/clock.js";
import { jsonLines } from "../../../src/cli/trace/json.js";
import { traceTable } from "../../../src/cli/trace/table.js";
import { ProcessKind } from "../../../src/signals/process/records.js";
import { native } from "../../../src/binding/native.js";
import type { EventRecord } from "../../../src/sdk/signal.js";
import { process as processSignal } from "../../../src/signals/process/signal.js";
import { painter } from "../../../src/cli/terminal/color.js";
import { Cgroups } from "../../../src/identity/cgroups.js";
import { processRecord, tracedEvent } from "./records.js";

/** CLOCK_MONOTONIC began at this time. */
const boot = Date.UTC(2026, 10, 22, 8, 30) * 1000;
const clock = wallClockAt(boot);

const hostile = Buffer.from('a"\\\n\u001b[2J\xff', "latin1");

describe("the clock", () => {
  test("counts microseconds from the time it was told", () => {
    assert.equal(clock.utc(0), "2026-11-22T08:30:00.000000Z");
    assert.equal(clock.utc(1_999), "2026-11-22T08:30:00.000001Z");
    assert.equal(clock.utc(59_999_999_999), "2026-11-22T08:30:59.999999Z");
    assert.equal(clock.utc(86_400e9), "2026-11-23T08:30:00.000000Z");
  });

  test("shows local time", () => {
    const date = new Date(boot / 1000);
    const [hours = "", minutes = ""] = [date.getHours(), date.getMinutes()].map((part) =>
      String(part).padStart(2, "0"),
    );
    assert.equal(clock.local(1_500_000_000), `${hours}:${minutes}:01.500000`);
  });

  test("agrees with the system's", () => {
    const before = Date.now();
    const shown = Date.parse(wallClock().utc(Number(native.monotonicNow())));
    assert(Math.abs(shown - before) < 50, `${shown - before} ms off`);
  });
});

describe("JSON", () => {
  const json = jsonLines(processSignal, clock);
  const line = (record: EventRecord): string => json(tracedEvent(record));

  test("what every signal has comes first, then the signal's own", () => {
    const record = processRecord({ kind: ProcessKind.exec, tid: 43, threadComm: "worker", path: "/bin/cat" });
    assert.equal(
      line(record),
      '{"time":"2026-11-22T08:30:00.000000Z","signal":"process","pid":42,"tid":43,"comm":"cat","thread_comm":"worker",' +
        '"event":"exec","ppid":7,"path":"/bin/cat"}\n',
    );
  });

  test("a hostile name stays inside its string", () => {
    const text = line(processRecord({ kind: ProcessKind.fork, comm: hostile }));
    assert.match(text, /^[\x20-\x7e\ufffd]*\n$/);
    assert.equal((JSON.parse(text) as { comm: string }).comm, 'a"\\\n\u001b[2J\ufffd');
  });

  test("controls beyond ASCII are escaped as well", () => {
    const text = line(processRecord({ kind: ProcessKind.exec, path: "/\u009b2J\u202e" }));
    assert(text.includes(String.raw`"path":"/\u009b2J\u202e"`), text);
    assert.equal((JSON.parse(text) as { path: string }).path, "/\u009b2J\u202e");
  });

  test("a cut path is told", () => {
    const text = line(processRecord({ kind: ProcessKind.exec, path: "/long", pathTruncated: true }));
    assert(text.endsWith('"path":"/long","path_truncated":true}\n'), text);
  });
});

describe("the table", () => {
  const table = traceTable(processSignal, clock, painter(false));
  const cells = (record: EventRecord): string[] => table.line(tracedEvent(record)).trimEnd().split(/ +/).slice(1);

  test("has its columns under their headings", () => {
    const line = table.line(tracedEvent(processRecord({ kind: ProcessKind.exec, path: "/bin/cat" })));
    for (const [heading, cell] of [
      ["PID", "42"],
      ["TID", "-"],
      ["COMM", "cat"],
      ["EVENT", "exec"],
      ["PATH", "/bin"],
    ] as const) {
      assert.equal(line.indexOf(cell, 15), table.heading.indexOf(heading, 15), heading);
    }
  });

  test("an exit", () => {
    const record = processRecord({ kind: ProcessKind.exit, time: 2_500_000, status: 3 << 8 });
    assert.deepEqual(cells(record), ["42", "-", "cat", "exit", "7", "error", "3", "-", "2.50ms", "-"]);
  });

  test("a thread by its id and its name", () => {
    const record = processRecord({ kind: ProcessKind.fork, tid: 43, threadComm: "worker" });
    assert.deepEqual(cells(record).slice(0, 3), ["42", "43", "cat/worker"]);
  });

  test("a cut path ends visibly", () => {
    const record = processRecord({ kind: ProcessKind.exec, path: "/long", pathTruncated: true });
    assert.equal(cells(record).at(-1), "/long…");
  });

  test("a hostile name drives no terminal and breaks no line", () => {
    const line = table.line(tracedEvent(processRecord({ kind: ProcessKind.fork, comm: hostile })));
    assert(line.includes(String.raw`a"\\n\u001b[2J`), line);
    assert.match(line, /^[\x20-\x7e\ufffd]*\n$/);
  });

  test("wide characters and marks take the cells that a terminal gives them", () => {
    const [wide, plain] = ["日本語e\u0301", "cat"].map((comm) =>
      table.line(tracedEvent(processRecord({ kind: ProcessKind.fork, comm }))),
    );
    assert(wide?.includes(` 日本語e\u0301${" ".repeat(20 - 7)} fork `), wide);
    assert(plain?.includes(` cat${" ".repeat(20 - 3)} fork `), plain);
  });

  test("red is what failed, yellow what was slow, and nothing without colours", () => {
    const colorful = traceTable(processSignal, clock, painter(true));
    const exit = (status: number): string => {
      const event = tracedEvent(processRecord({ kind: ProcessKind.exit, status }));
      return colorful.line({ ...event, slow: status === 0 });
    };
    const visible = (text: string): string => text.replaceAll("\u001b", "ESC");
    assert.match(visible(exit(1 << 8)), /^ESC\[31m.* error .*ESC\[39m\n$/);
    assert.match(visible(exit(0)), /^ESC\[33m.* ok .*ESC\[39m\n$/);
    assert.match(visible(colorful.heading), /^ESC\[1mTIME .*ESC\[22m\n$/);
    assert.match(table.heading, /^TIME /);
  });

  test("the container comes last, where it is known", () => {
    const cgroups = new Cgroups();
    cgroups.insert({ id: 5, parent: 1, name: `docker-${"0123456789ab".padEnd(64, "c")}.scope` });
    const record = processRecord({ kind: ProcessKind.fork, cgroup: 5 });
    assert.match(table.line(tracedEvent(record, { cgroups })), / container_id=0123456789ab\n$/);
    cgroups.follow({ find: () => ({ container: "web", pod: "shop-1", namespace: "prod" }) });
    assert.match(table.line(tracedEvent(record, { cgroups })), / container=web pod=shop-1 namespace=prod\n$/);
  });
});
