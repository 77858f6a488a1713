/** What `npm run reference` writes is what the program says now. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { traceSchema } from "../../src/cli/trace-schema.js";
import { signals } from "../../src/signals/index.js";
import { readDocument } from "./documents.js";

test("docs/trace.schema.json is up to date: npm run reference", () => {
  assert.deepEqual(JSON.parse(readDocument("docs/trace.schema.json")), traceSchema(signals));
});
