/** What `npm run reference` writes is what the program says now. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { test } from "node:test";

import { cookbookPage } from "../../scripts/generate/cookbook-page.js";
import { commandTree } from "../../src/cli/reference/command-tree.js";
import { manPage } from "../../src/cli/reference/man-page.js";
import { createProgram } from "../../src/cli/program.js";
import { traceSchema } from "../../src/cli/reference/trace-schema.js";
import { signals } from "../../src/signals/index.js";
import { isTraceable } from "../../src/views/trace-event.js";
import { version } from "../../src/cli/version.js";
import { readDocument } from "./documents.js";

const tree = commandTree(await createProgram());

test("docs/trace.schema.json is up to date: npm run reference", () => {
  assert.deepEqual(JSON.parse(readDocument("docs/trace.schema.json")), traceSchema(signals.filter(isTraceable)));
});

test("docs/bpf-cookbook.md is up to date: npm run reference", () => {
  assert.equal(
    readDocument("docs/bpf-cookbook.md"),
    cookbookPage(fileURLToPath(new URL("../../../", import.meta.url))),
  );
});

test("docs/ringtap.1 is up to date: npm run reference", () => {
  assert.equal(readDocument("docs/ringtap.1"), manPage(tree, version));
});

const page = fileURLToPath(new URL("../../../docs/ringtap.1", import.meta.url));

test("mandoc finds nothing wrong with the man page", () => {
  assert.equal(execFileSync("mandoc", ["-Tlint", "-Wwarning", page], { encoding: "utf8" }), "");
});

test("man shows every command and flag of it, without a warning", () => {
  const shown = execFileSync("sh", ["-c", 'man --warnings -l "$0" 2>&1 | col -bx', page], {
    encoding: "utf8",
    env: { ...process.env, MANWIDTH: "1000", LC_ALL: "C.UTF-8" },
  });
  assert.doesNotMatch(shown, /warning/);
  for (const { name, summary, flags } of tree) {
    assert(shown.includes(`ringtap ${name}`) && shown.includes(summary), name);
    for (const { flag, placeholder, help } of flags) {
      assert(shown.includes(`${flag} ${placeholder}`.trimEnd()), flag);
      assert(shown.includes(help), help);
    }
  }
});
