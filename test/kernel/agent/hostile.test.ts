/** Processes, threads and files of hostile names: what is served and printed stays what it claims to be. */
import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { before, describe, test } from "node:test";

import { checkMetrics } from "../../exposition/promtool.js";
import { startAgent, unlimitedSeries } from "../support/agent.js";
import { eventually } from "../support/eventually.js";
import { compileProgram, programSource, runProgram, scratch } from "../support/program.js";
import { parseSamples, sum } from "../support/samples.js";
import { startTrace, type TracedEvent } from "../support/trace.js";

const source = programSource("hostile-names");

/** Names of up to 15 bytes, and the text that they are. */
const names: readonly (readonly [bytes: string, text: string])[] = [
  // What ends a label, a string, a line.
  ['a"b\\c\nd', 'a"b\\c\nd'],
  ['"} 1\nup{x="', '"} 1\nup{x="'],
  ["x\n# TYPE up ", "x\n# TYPE up "],
  ["\\", "\\"],
  ["\r\n\t\v\f\b\x01", "\r\n\t\v\f\b\u0001"],
  // What a terminal obeys: clear the screen, set the title, C1's one-byte CSI in UTF-8, delete.
  ["\x1b[2J\x1b]0;t\x07", "\u001b[2J\u001b]0;t\u0007"],
  ["\xc2\x9b31m", "\u009b31m"],
  ["\x7f\x7f", "\u007f\u007f"],
  // What reorders or hides: right-to-left override, line separator, byte order mark.
  ["\xe2\x80\xaegpj.exe", "\u202egpj.exe"],
  ["a\xe2\x80\xa8b", "a\u2028b"],
  ["\xef\xbb\xbfbash", "\ufeffbash"],
  // No UTF-8: bytes that never are, an overlong slash, a surrogate, one cut off at the end of the name.
  ["\xff\xfe", "\ufffd\ufffd"],
  ["\xc0\xaf", "\ufffd\ufffd"],
  ["\xed\xa0\x80", "\ufffd\ufffd\ufffd"],
  ["\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3", "\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\ufffd"],
  // Names that mean something here.
  ["~other", "~other"],
  ["~unknown", "~unknown"],
  ["#", "#"],
  [" ", " "],
  ["\xf0\x9f\xa6\x80", "\u{1f980}"],
];

const texts = names.map(([, text]) => text);

/** What the machine's other work does to limits is not tested here. */
const roomy = [...unlimitedSeries, "--ring.size=64MiB"];

let program: string;

/** Runs the program for every name; returns the folder of the files that it tried to open. */
async function runAll(): Promise<string> {
  const folder = mkdtempSync(scratch("hostile-"));
  await runProgram(program, [folder, ...names.map(([bytes]) => Buffer.from(bytes, "latin1").toString("hex"))]);
  return folder;
}

/** A label's value as the text format writes it. */
function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

before(() => {
  program = compileProgram("hostile-names", source);
});

for (const labels of ["pid,comm", "comm"]) {
  test(`/metrics has each name in its label, with --labels ${labels}`, async (t) => {
    const agent = await startAgent(t, [`--labels=${labels}`, ...roomy]);
    await runAll();
    const text = await (await agent.get("/metrics")).text();
    assert.deepEqual(checkMetrics(text), { status: 0, output: "" });
    const samples = parseSamples(text);
    for (const name of texts) {
      const comm = escaped(name);
      assert.deepEqual(
        {
          execs: sum(samples, "ringtap_process_execs_total", { comm }),
          exits: sum(samples, "ringtap_process_exits_total", { comm, reason: "ok" }),
          refused: sum(samples, "ringtap_tcp_connects_total", { comm, result: "refused" }),
          missing: sum(samples, "ringtap_file_opens_total", { comm, result: "ENOENT" }),
        },
        // Two of the names are no UTF-8 and come out alike.
        name === "\ufffd\ufffd"
          ? { execs: 2, exits: 2, refused: 2, missing: 2 }
          : { execs: 1, exits: 1, refused: 1, missing: 1 },
        JSON.stringify(name),
      );
    }
  });
}

/** What starts a line, drives a terminal, reorders text or hides, a newline apart. */
// eslint-disable-next-line no-control-regex -- controls are what it looks for
const obeyed = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** A name as a table shows it, but for spaces at the end of a line. */
function shown(text: string): string {
  const short: Readonly<Record<string, string>> = { "\r": "\\r", "\t": "\\t" };
  const code = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return text.replaceAll("\n", "\\n").replace(obeyed, (character) => short[character] ?? code(character));
}

/** What the program does under a name, as `trace` of a signal shows it: members of its objects, and cells of its table. */
const traced: Readonly<Record<string, (text: string, folder: string) => (readonly [TracedEvent, ...string[]])[]>> = {
  process: (text, folder) => [
    [{ comm: text, event: "exec", path: `${folder}/${text}` }, shown(text), "exec", `${folder}/${shown(text)}`],
    [{ comm: text, event: "exit", reason: "ok" }, shown(text), "exit"],
  ],
  file: (text, folder) => [
    [{ comm: text, path: `${folder}/${text}`, result: "ENOENT" }, shown(text), `${folder}/${shown(text)}`],
    [{ comm: "hostile-names", thread_comm: text, path: `${folder}/${text}` }, `hostile-names/${shown(text)}`],
  ],
  tcp: (text) => [[{ comm: text, event: "connect", result: "refused" }, shown(text), "refused"]],
};

for (const [signal, expected] of Object.entries(traced)) {
  describe(`trace ${signal}`, () => {
    test("--output json prints an object a line, with the names in it", async (t) => {
      const trace = await startTrace(t, [signal, "--output=json"]);
      const folder = await runAll();
      await eventually(() => {
        const events = trace.events();
        for (const [members] of texts.flatMap((text) => expected(text, folder))) {
          assert(
            events.some((event) => Object.entries(members).every(([name, value]) => event[name] === value)),
            `${JSON.stringify(members)} is not in:\n${trace.stdout}`,
          );
        }
      });
      assert.doesNotMatch(trace.stdout, obeyed);
    });

    test("--output table prints a row a line, with nothing that a terminal obeys", async (t) => {
      const trace = await startTrace(t, [signal, "--output=table"]);
      const folder = await runAll();
      await eventually(() => {
        const lines = trace.lines();
        for (const [, ...cells] of texts.flatMap((text) => expected(text, folder))) {
          assert(
            lines.some((line) => cells.every((cell) => ` ${line} `.includes(` ${cell.trimEnd()} `))),
            `${cells.join(" ")} is not in:\n${trace.stdout}`,
          );
        }
      });
      const [, ...rows] = trace.lines();
      for (const row of rows) {
        assert.match(row, /^\d\d:\d\d:\d\d\.\d{6} +\d+ /);
        assert.doesNotMatch(row, obeyed);
      }
    });
  });
}
