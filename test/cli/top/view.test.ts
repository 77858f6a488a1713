import assert from "node:assert/strict";
import { test } from "node:test";

import { painter } from "../../../src/cli/terminal/color.js";
import { displayWidth } from "../../../src/cli/terminal/text.js";
import type { TopRow } from "../../../src/cli/top/columns.js";
import type { TopFrame } from "../../../src/cli/top/model.js";
import { jsonText, tableText } from "../../../src/cli/top/report.js";
import { type Key, pressed, type TopState } from "../../../src/cli/top/state.js";
import { chooseRows, topLines } from "../../../src/cli/top/view.js";

const nothing = {
  connects: 0,
  connect_failures: 0,
  accepts: 0,
  connections: 0,
  sent_bytes: 0,
  received_bytes: 0,
  retransmits: 0,
  resets: 0,
  syscalls: 0,
  syscall_errors: 0,
  syscall_seconds: 0,
  file_opens: 0,
  file_open_failures: 0,
};

function row(id: number, comm: string, counts: Partial<TopRow["counts"]> = {}, container = ""): TopRow {
  return { id, pid: String(id), comm, container, counts: { ...nothing, ...counts } };
}

function frameOf(...rows: readonly TopRow[]): TopFrame {
  const health = { events: 200, dropped: 0, cpu: 0.015, residentBytes: 2 ** 26, down: [] };
  return { time: 0, seconds: 2, rows, health };
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

function draw(frame: TopFrame, state = start, columns = 130, rows = 12, colors = false): string[] {
  const chosen = chooseRows(frame, { ...state, limit: undefined });
  return topLines({ state, frame, chosen, details: undefined, columns, rows, paint: painter(colors) });
}

/** The state after these keys, one after the other. */
function after(...keys: readonly (string | Key)[]): TopState {
  return keys.reduce<TopState>(
    (state, key) => pressed(state, typeof key === "string" ? { name: key, sequence: key } : key),
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

test("no name drives the terminal, and wide ones keep their columns", () => {
  const comms = ["a\n\u001b[2J\u009b2Jx", "日本語", "e\u0301e\u0301", "👍🏽ok", "plain", "verylongname1234567"];
  const lines = draw(frameOf(...comms.map((comm, id) => row(id + 1, comm, { syscalls: 200 }, "日本の箱日本の箱"))));
  for (const line of lines) {
    assert.doesNotMatch(line, /\p{Cc}/u);
  }
  const ends = lines.slice(3, 9).map((line) => displayWidth(line.slice(0, line.indexOf(" 100 ") + 4)));
  assert.deepEqual(new Set(ends), new Set([displayWidth("    PID COMM              CALLS/S")]));
  for (const columns of [1, 10, 27, 60]) {
    const widths = draw(frameOf(...comms.map((comm, id) => row(id + 1, comm))), start, columns).map(displayWidth);
    assert(Math.max(...widths) <= columns, `${columns}: ${widths.join()}`);
  }
});

test("there is no room for more lines than rows, however few, and the chosen row is among them", () => {
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

test("red is who fails, unless colours are off", () => {
  const frame = frameOf(row(1, "fine", { syscalls: 2 }), row(2, "fails", { connect_failures: 1 }));
  assert(draw(frame, start, 130, 12, true).some((line) => line.startsWith("\u001b[31m      2 fails")));
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
