/** The ten minutes of docs/signals.md: what they say is done, in order, and comes out as they say. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";

import { fences, readDocument, section } from "../docs/documents.js";
import { outsideFolder } from "./support/signal-folder.js";
import { mainScript } from "./support/ringtap.js";

/** A command `ringtap` that is this build. */
function commandFolder(folder: string): string {
  const command = join(folder, "ringtap");
  writeFileSync(command, `#!/bin/sh\nexec ${process.execPath} ${mainScript} "$@"\n`);
  chmodSync(command, 0o755);
  return folder;
}

it("the tutorial works as it is written", (t) => {
  const folder = outsideFolder(t);
  const steps = fences(section(readDocument("docs/signals.md"), "## Ten minutes")).filter(
    ({ language }) => language === "sh",
  );
  assert.equal(steps.length, 3);
  // A step that fails must not leave the agent behind.
  const script = ["trap 'kill %1 2>/dev/null || true' EXIT", ...steps.map(({ code }) => code), "wait"].join("\n");
  const output = execFileSync("bash", ["-e", "-c", script, "tutorial"], {
    cwd: folder,
    encoding: "utf8",
    env: { ...process.env, PATH: `${commandFolder(outsideFolder(t))}:${process.env.PATH ?? ""}` },
    timeout: 240_000,
  });
  const lines = output.split("\n");
  const metrics = lines.filter((line) => line.startsWith("hello_")).map((line) => line.replace(/pid="\d+"/, 'pid=""'));
  assert.deepEqual(metrics, [
    'hello_record_locks_total{pid="",comm="python3",result="ok"} 3',
    'hello_record_locks_total{pid="",comm="python3",result="granted"} 5',
  ]);
  assert(lines.includes("hello: up (tp_btf)"), output);
  assert.match(output, /^signal hello +ok +1 attached: hello_setlk$/m);
});
