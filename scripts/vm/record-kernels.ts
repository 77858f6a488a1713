/** Puts what guests found into docs/kernels.md: `node dist/scripts/vm/record-kernels.js findings.json...`. */
import { readFileSync, writeFileSync } from "node:fs";

import { type Findings, withFindings } from "./record.js";

const path = new URL("../../../docs/kernels.md", import.meta.url);
const findings = process.argv.slice(2).map((file) => JSON.parse(readFileSync(file, "utf8")) as Findings);
writeFileSync(path, withFindings(readFileSync(path, "utf8"), findings));
console.log(`recorded ${findings.map(({ release }) => release).join(", ")}`);
