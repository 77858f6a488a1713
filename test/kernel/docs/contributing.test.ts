/** CONTRIBUTING's "Add a signal": what the page says is done in a copy of the checkout, and its test is run there. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { fileURLToPath } from "node:url";

import { fences, readDocument, section } from "../../docs/documents.js";
import { outsideFolder, runTestFile } from "../support/signal-folder.js";

const checkout = fileURLToPath(new URL("../../../../", import.meta.url));

/** What the steps read; of the tests, what the page's own test imports. */
const copied = ["bpf", "src", "web", "scripts", "dist", "package.json", "tsconfig.json", "test/kernel/support"];

it("a signal is added as the page says", (t) => {
  const copy = outsideFolder(t);
  mkdirSync(join(copy, "test/kernel/signals"), { recursive: true });
  for (const part of copied) {
    cpSync(join(checkout, part), join(copy, part), { recursive: true, preserveTimestamps: true });
  }
  symlinkSync(join(checkout, "node_modules"), join(copy, "node_modules"));
  // Only what the steps are about is compiled anew: the rest is as it was built.
  const config = JSON.parse(readFileSync(join(copy, "tsconfig.json"), "utf8")) as Record<string, unknown>;
  writeFileSync(
    join(copy, "tsconfig.json"),
    JSON.stringify({ ...config, include: ["src", "test/kernel/signals/lock.test.ts"] }),
  );

  const blocks = fences(section(readDocument("CONTRIBUTING.md"), "## Add a signal"));
  const of = (wanted: string): string[] => blocks.filter(({ language }) => language === wanted).map(({ code }) => code);
  const [test = ""] = of("ts");
  writeFileSync(join(copy, "test/kernel/signals/lock.test.ts"), test);
  const run = (command: string, ...args: readonly string[]): string =>
    execFileSync(command, args, {
      cwd: copy,
      encoding: "utf8",
      timeout: 600_000,
      stdio: ["ignore", "pipe", "inherit"],
    });
  const output = run("bash", "-e", "-c", of("sh").join("\n"));
  assert.match(output, /^wrote src\/signals\/lock\/records\.ts$/m);
  assert.match(output, /^signal lock +ok +tp_btf: lock_setlk$/m);
  assert.match(runTestFile("dist/test/kernel/signals/lock.test.js", copy), /^# pass 1$/m);
});
