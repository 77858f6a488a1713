import assert from "node:assert/strict";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";

import { painter } from "../../../src/cli/terminal/color.js";
import { displayWidth } from "../../../src/cli/terminal/text.js";
import { declaredColumns, numberColumns, sortKeys, type TopRow } from "../../../src/cli/top/columns.js";
import { type TopFrame, topFrame } from "../../../src/cli/top/model.js";
import { jsonText, tableText } from "../../../src/cli/top/report.js";
import { type Key, pressed, type TopState } from "../../../src/cli/top/state.js";
import { chooseRows, shares, type TopDetails, topLines } from "../../../src/cli/top/view.js";
import { signals } from "../../../src/signals/index.js";
import { madeUpAgent, madeUpViews, runningStatus } from "../../views/made-up-signal.js";

/** Those of the signals of the default. */
const columns = declaredColumns(signals.filter(({ optIn }) => optIn !== true));

const nothing: Readonly<Record<string, number>> = Object.fromEntries(
  signals.flatMap(({ views }) => (views?.columns ?? []).map(({ key }: { readonly key: string }) => [key, 0] as const)),
);

function row(id: number, comm: string, counts: TopRow["counts"] = {}, container = ""): TopRow {
  return { id, pid: String(id), comm, container, counts: { ...nothing, ...counts } };
}

function frameOf(...rows: readonly TopRow[]): TopFrame {
  const health = {
    events: 200,
    dropped: 0,
    cpu: 0.015,
    residentBytes: 2 ** 26,
    down: [],
    incomplete: [],
    programs: new Map([["tcp", 0.0031]]),
  };
  return { time: 0, seconds: 2, columns, headlines: [], rows, health };
}

const start: TopState = {
  view: "processes",
  sort: "syscalls",
  reversed: false,
  filter: "",
  isTyping: false,
  isPaused: false,
  place: 0,
  interval: 2000,
  isOver: false,
};

function draw(
  frame: TopFrame,
  state = start,
  columns = 130,
  rows = 12,
  colors = false,
  details?: TopDetails,
): string[] {
  const chosen = chooseRows(frame, { ...state, limit: undefined });
  return topLines({ state, frame, chosen, details, columns, rows, paint: painter(colors) });
}

/** The state after these keys, one after the other. */
function after(...keys: readonly (string | Key)[]): TopState {
  return keys.reduce<TopState>(
    (state, key) => pressed(state, typeof key === "string" ? { name: key, sequence: key } : key, sortKeys(columns)),
    start,
  );
}

test("rates are per second, and sorted", () => {
  const lines = draw(
    frameOf(row(1, "few", { syscalls: 10 }), row(2, "many", { syscalls: 5000, syscall_seconds: 0.5 })),
  );
  assert.match(lines[3] ?? "", /^ +2 many +2\.50k +- +250ms /);
  assert.match(lines[4] ?? "", /^ +1 few +5 +- +- /);
  assert.equal(lines.length, 12);
});

test("the first line ends with what the programs cost, the costliest first", () => {
  const frame = frameOf(row(1, "few", { syscalls: 10 }));
  const programs = new Map([
    ["tcp", 0.0031],
    ["syscall", 0.042],
  ]);
  const lines = draw({ ...frame, health: { ...frame.health, programs } });
  assert.match(lines[0] ?? "", /64 MiB {2}programs 4\.5% \(syscall 4\.2%, tcp 0\.3%\)$/);
  const untimed = draw({ ...frame, health: { ...frame.health, programs: new Map() } });
  assert.match(untimed[0] ?? "", /64 MiB$/);
});

test("no name drives the terminal, and wide ones keep their columns", () => {
  const comms = ["a\n\u001b[2J\u009b2Jx", "日本語", "e\u0301e\u0301", "👍🏽ok", "plain", "verylongname1234567"];
  const lines = draw(frameOf(...comms.map((comm, id) => row(id + 1, comm, { syscalls: 200 }, "日本の箱日本の箱"))));
  for (const line of lines) {
    assert.doesNotMatch(line, /\p{Cc}/u);
  }
  const ends = lines.slice(3, 9).map((line) => displayWidth(line.slice(0, line.indexOf(" 100 ") + 4)));
  assert.deepEqual(new Set(ends), new Set([displayWidth("    PID COMM             CALLS/S")]));
  for (const columns of [1, 10, 27, 60]) {
    const widths = draw(frameOf(...comms.map((comm, id) => row(id + 1, comm))), start, columns).map(displayWidth);
    assert(Math.max(...widths) <= columns, `${columns}: ${widths.join()}`);
  }
});

test("no more lines than rows are shown, however few, and the chosen row is among them", () => {
  const many = frameOf(...Array.from({ length: 50 }, (_, id) => row(id + 1, `p${id + 1}`)));
  for (const rows of [1, 2, 5, 10]) {
    assert.equal(draw(many, start, 80, rows).length, rows);
  }
  const far = draw(many, { ...start, place: 30 }, 80, 10, true);
  assert.equal(far.filter((line) => line.includes("\u001b[7m")).length, 1);
  assert(
    far.some((line) => line.includes("\u001b[7m     31 p31 ")),
    far.join("\n"),
  );
});

test("failures are red, unless colours are off, in cut lines and behind wide names too", () => {
  const frame = frameOf(
    row(1, "first", { syscalls: 9 }),
    row(2, "fine", { syscalls: 2 }),
    row(3, "失敗", { connect_failures: 6, syscall_errors: 4 }),
  );
  const red = (columns: number): (readonly string[])[] =>
    draw(frame, start, columns, 12, true)
      .slice(3, 6)
      .map((line) =>
        line
          .split("\u001b[31m")
          .slice(1)
          .map((part) => part.split("\u001b[39m")[0] ?? ""),
      );
  assert.deepEqual(red(130), [[], [], ["2", "3"]]);
  const upToFirst = draw(frame, start, 130, 12)[5]?.indexOf(" 2 ") ?? 0;
  assert.deepEqual(red(upToFirst + 5), [[], [], ["2"]]);
  assert.deepEqual(red(20), [[], [], []]);
  for (const columns of [20, 45, 60, 130]) {
    const plain = draw(frame, start, columns, 12, true).map((line) => stripVTControlCharacters(line));
    assert.deepEqual(plain, draw(frame, start, columns));
  }
  assert(!draw(frame).join("").includes("\u001b"));
});

test("keys", () => {
  assert.equal(after("q").isOver, true);
  assert.equal(after({ name: "c", ctrl: true }).isOver, true);
  assert.equal(after("/", "q", "p", { name: "c", ctrl: true }).isOver, true);
  assert.deepEqual([after("right").sort, after("left").sort], ["errors", "comm"]);
  assert.equal(after("down", "down", "up", "up", "up").place, 0);
  assert.deepEqual(
    [after("+").interval, after("-").interval, after(...Array<string>(20).fill("+")).interval],
    [1000, 4000, 100],
  );
  assert.equal(after("/", "a", "日", "backspace", "b", "return").filter, "ab");
  assert.equal(after("/", "a", { sequence: "\u001b[A", name: "up" }).filter, "a");
  assert.equal(after("/", "a", "escape").filter, "");
  assert.deepEqual(
    [after("return").view, after("return", "escape").view, after("?", "?").view],
    ["process", "processes", "processes"],
  );
  assert.equal(after("p", "p", "space").isPaused, true);
});

test("the filter is a part of the name or the container, or the pid", () => {
  const frame = frameOf(row(12, "nginx"), row(123, "Redis", {}, "web-1"), row(7, "cat"));
  const pids = (filter: string): string[] =>
    chooseRows(frame, { sort: "pid", reversed: false, filter, limit: undefined }).map(({ pid }) => pid);
  assert.deepEqual(
    [pids("ngi"), pids("WEB"), pids("12"), pids("redis"), pids("")],
    [["12"], ["123"], ["12"], ["123"], ["7", "12", "123"]],
  );
});

test("reports: counts for programs, rates for people", () => {
  const frame = frameOf(row(2, "a\u009b", { connects: 3 }, "web"), row(1, "b", { connects: 1 }));
  const choice = { sort: "connects", filter: undefined, limit: 1 };
  const { seconds, processes } = JSON.parse(jsonText(frame, choice)) as { seconds: number; processes: object[] };
  assert.equal(seconds, 2);
  assert.deepEqual(processes, [{ pid: 2, comm: "a\u009b", container: "web", ...nothing, connects: 3 }]);
  assert.doesNotMatch(jsonText(frame, choice).trimEnd() + tableText(frame, choice).replaceAll("\n", ""), /\p{Cc}/u);
  assert.match(tableText(frame, choice), /\n +2 a\\u009b .* 1\.50 /);
});

test("the columns of the default, their keys and their order", () => {
  assert.deepEqual(sortKeys(columns), [
    ...["syscalls", "errors", "time", "opens", "connects", "failures", "accepts", "connections", "sent", "received"],
    ...["pid", "comm"],
  ]);
  assert.deepEqual(
    columns.map(({ heading, width }) => [heading, width]),
    ["CALLS/S", "ERR/S", "TIME/S", "OPEN/S", "CONN/S", "FAIL/S", "ACC/S", "CONNS", "SENT/S", "RECV/S"].map(
      (heading) => [heading, Math.max(heading.length, 6)],
    ),
  );
});

test("a signal that top does not know has its columns, keys, headlines, breakdown and JSON", async () => {
  const { live, identity, brews, result, pots, sorts, sort } = madeUpAgent([
    runningStatus("tea", madeUpViews, { problem: "a cup is missing" }),
    { name: "coffee", problem: "no beans" },
  ]);
  const before = await live.snapshot();
  const process = identity.subjects.intern("7", "kettle");
  brews.add(process, result.intern("ok"), 4);
  brews.add(process, result.intern("spilt"), 2);
  pots.set(process, 0, 2048);
  sorts.add(process, sort.intern("green\u001b"), 6);
  const after = await live.snapshot();
  const frame = topFrame({ ...before, at: 10 }, { ...after, at: 12 }, live.views);

  assert.deepEqual(sortKeys(numberColumns(live.columns)), ["brews", "spilt", "pots", "pid", "comm"]);
  const state = { ...start, sort: "spilt" };
  const lines = draw(frame, state);
  assert.match(lines[0] ?? "", /DOWN: coffee {2}INCOMPLETE: tea$/);
  assert.equal(lines[1], "1 process, by spilt  all: 3 cups/s, 2.00K pots, 33% of cups spilt");
  assert.equal(lines[2], "    PID COMM             BREW/S SPILT/S   POTS CONTAINER");
  assert.equal(lines[3], "      7 kettle                3       1  2.00K");
  const help = draw(frame, { ...state, view: "help" }, 130, 30).join("\n");
  assert.match(help, /SPILT\/S {4}cups of tea that were spilt/);
  const [chosen] = chooseRows(frame, { ...state, limit: undefined });
  assert.ok(chosen);
  const details = { process: chosen, breakdowns: live.breakdowns(process), links: [] };
  assert.deepEqual(draw(frame, { ...state, view: "process" }, 130, 12, false, details).slice(1, 4), [
    "7 kettle: since ringtap began",
    "SORTS OF TEA                COUNT     TIME     EACH FAILURES",
    "green\\u001b                     6        -        -",
  ]);
  const choice = { sort: "spilt", filter: undefined, limit: undefined };
  const object = JSON.parse(jsonText(frame, choice)) as Readonly<Record<string, unknown>>;
  assert.deepEqual(
    [object.down, object.incomplete, object.all, object.processes],
    [
      ["coffee"],
      ["tea"],
      { brews: 6, pots: 2048, spills: 2 / 6 },
      [{ pid: 7, comm: "kettle", brews: 6, spills: 2, pots: 2048, leaves: 6, steeping: 0 }],
    ],
  );
  assert.match(
    tableText(frame, choice),
    /^2\.00s: 0 events, 0 lost, 3 cups\/s, 2\.00K pots, 33% of cups spilt, DOWN: coffee, INCOMPLETE: tea\n/,
  );
});

test("tables of a process share the lines that there are", () => {
  assert.deepEqual(shares([10, 10], 8), [4, 4]);
  assert.deepEqual(shares([1, 10, 10], 9), [1, 4, 4]);
  assert.deepEqual(shares([3, 2], 20), [3, 2]);
  assert.deepEqual(shares([5, 5, 5], 2), [1, 1, 0]);
  assert.deepEqual([shares([], 5), shares([4], 0)], [[], [0]]);
});
