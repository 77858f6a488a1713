/** Writes what is published of the program's own declarations: docs/trace.schema.json, the man page and the cookbook. */
import { writeFileSync } from "node:fs";

import { format } from "prettier";

import { commandTree } from "../../src/cli/reference/command-tree.js";
import { manPage } from "../../src/cli/reference/man-page.js";
import { createProgram } from "../../src/cli/program.js";
import { traceSchema } from "../../src/cli/reference/trace-schema.js";
import { isTraceable } from "../../src/views/trace-event.js";
import { signals } from "../../src/signals/index.js";
import { version } from "../../src/cli/version.js";
import { cookbookPage } from "./cookbook-page.js";

const root = new URL("../../..", import.meta.url).pathname;

const schema = await format(JSON.stringify(traceSchema(signals.filter(isTraceable))), {
  parser: "json",
  printWidth: 120,
});
writeFileSync(`${root}docs/trace.schema.json`, schema);
writeFileSync(`${root}docs/ringtap.1`, manPage(commandTree(await createProgram()), version));
writeFileSync(`${root}docs/bpf-cookbook.md`, cookbookPage(root));
