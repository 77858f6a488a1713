/** The ten minutes of docs/bpf.md: what they say is done, in order, and comes out as they say. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";

import { fences, readDocument, section } from "../../docs/documents.js";
import { outsideFolder, runSteps } from "../support/signal-folder.js";

it("the tutorial of signals in TypeScript works as it is written", (t) => {
  const folder = outsideFolder(t);
  const all = fences(section(readDocument("docs/bpf.md"), "## Ten minutes"));
  const steps = all.filter(({ language }) => language === "sh");
  assert.equal(steps.length, 3);
  const [first = "", ...rest] = steps.map(({ code }) => code);
  // The module as it was written, before the last step changes it. A step that fails must not leave the agent behind.
  const script = [
    "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT",
    first,
    "cp hello/signal.ts written.ts",
    ...rest,
    "wait || true",
  ];
  const output = runSteps(t, folder, script);
  const shown = all.find(({ language }) => language === "ts")?.code ?? "nothing";
  assert(readFileSync(join(folder, "written.ts"), "utf8").includes(shown.trim()), shown);
  const lines = output.split("\n");
  const metrics = lines.filter((line) => line.startsWith("hello_")).map((line) => line.replace(/pid="\d+"/, 'pid=""'));
  assert.deepEqual(metrics, [
    'hello_total{pid="",comm="python3",number="10",delivered="true"} 3',
    'hello_total{comm="python3",to="sleep",number="12"} 1',
  ]);
  assert(lines.includes("hello: up (tp_btf)"), output);
  assert.match(output, /^signal hello +ok +1 attached: hello$/m);
});
