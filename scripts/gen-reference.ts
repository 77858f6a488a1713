/** Writes what is published of the program's own declarations: docs/trace.schema.json. */
import { writeFileSync } from "node:fs";

import { format } from "prettier";

import { traceSchema } from "../src/cli/trace-schema.js";
import { signals } from "../src/signals/index.js";

const root = new URL("../..", import.meta.url).pathname;

const schema = await format(JSON.stringify(traceSchema(signals)), { parser: "json", printWidth: 120 });
writeFileSync(`${root}docs/trace.schema.json`, schema);
