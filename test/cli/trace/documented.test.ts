import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";

import type { EventRecord, Ring } from "../../../src/sdk/signal.js";
import { isTraceable } from "../../../src/views/trace-event.js";
import { signals } from "../../../src/signals/index.js";

const page = readFileSync(new URL("../../../../docs/trace.md", import.meta.url), "utf8");

/** The fields in the table under a signal's heading; a row may have several. */
function documented(signal: string): string[] {
  const section = page.split(`\n### ${signal}\n`)[1]?.split("\n#")[0] ?? "";
  const rows = section.split("\n").filter((line) => line.startsWith("| `"));
  return rows.flatMap((row) => Array.from((row.split(" | ")[0] ?? "").matchAll(/`(\w+)`/g), ([, name = ""]) => name));
}

describe("docs/trace.md", () => {
  test("has a section of every built-in signal, and all can be traced", () => {
    const sections = Array.from(page.matchAll(/^### (\w+)$/gm), ([, name = ""]) => name);
    const names = signals.map(({ name }) => name).sort();
    assert.deepEqual(sections.filter((name) => names.includes(name)).sort(), names);
    assert.deepEqual(
      signals.filter((signal) => !isTraceable(signal)),
      [],
    );
  });

  for (const { name, ring, trace } of signals.filter(isTraceable)) {
    const { record } = ring as Ring<EventRecord>;
    const view = new record();
    view.bind(new ArrayBuffer(record.size));
    view.moveTo(0, record.size);
    const fields = Object.keys(trace.fields(view));

    test(`documents the fields of ${name}, and no others`, () => {
      assert.deepEqual(documented(name).sort(), [...fields].sort());
    });

    test(`the fields of ${name} are declared with their types`, () => {
      assert.deepEqual(Object.keys(trace.types).sort(), [...fields].sort());
      assert.deepEqual(
        trace.outcome.filter((field) => !fields.includes(field)),
        [],
      );
    });

    test(`the table of ${name} shows fields that there are`, () => {
      const unknown = trace.columns.filter(({ field }) => !fields.includes(field));
      assert.deepEqual(unknown, []);
    });
  }
});
