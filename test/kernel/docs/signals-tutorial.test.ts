/** The ten minutes of docs/signals.md: what they say is done, in order, and comes out as they say. */
import assert from "node:assert/strict";
import { it } from "node:test";

import { fences, readDocument, section } from "../../docs/documents.js";
import { outsideFolder, runSteps } from "../support/signal-folder.js";

it("the tutorial works as it is written", (t) => {
  const folder = outsideFolder(t);
  const steps = fences(section(readDocument("docs/signals.md"), "## Ten minutes")).filter(
    ({ language }) => language === "sh",
  );
  assert.equal(steps.length, 3);
  // A step that fails must not leave the agent behind.
  const script = ["trap 'kill %1 2>/dev/null || true' EXIT", ...steps.map(({ code }) => code), "wait"];
  const output = runSteps(t, folder, script);
  const lines = output.split("\n");
  const metrics = lines.filter((line) => line.startsWith("hello_")).map((line) => line.replace(/pid="\d+"/, 'pid=""'));
  assert.deepEqual(metrics, [
    'hello_record_locks_total{pid="",comm="python3",result="ok"} 3',
    'hello_record_locks_total{pid="",comm="python3",result="granted"} 5',
  ]);
  assert(lines.includes("hello: up (tp_btf)"), output);
  assert.match(output, /^signal hello +ok +1 attached: hello_setlk$/m);
});
