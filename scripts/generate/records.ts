/**
 * Writes src/signals/<signal>/records.ts: the decoders of the records that the signal's BPF object exports.
 *
 *   node dist/scripts/generate/records.js            write them
 *   node dist/scripts/generate/records.js --check    exit 1 and name the file when one differs
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { decoderSource } from "../../src/binding/decoder-source.js";
import { packageFolder } from "../../src/binding/installation.js";
import { native } from "../../src/binding/native.js";

/** Does a signal's file lack what its object exports? Writes it unless only `check` is asked for. */
function isStale(signal: string, check: boolean): boolean {
  const object = native.open(join(packageFolder, "dist/src/signals", signal, process.arch, `${signal}.bpf.o`));
  try {
    const target = join(packageFolder, "src/signals", signal, "records.ts");
    const text = decoderSource(object, `by scripts/generate/records from bpf/${signal}/${signal}.bpf.c`);
    const isCurrent = existsSync(target) && readFileSync(target, "utf8") === text;
    if (!isCurrent && !check) {
      writeFileSync(target, text);
    }
    return !isCurrent;
  } finally {
    object.close();
  }
}

const check = process.argv.includes("--check");
const stale = readdirSync(join(packageFolder, "src/signals"))
  .filter((signal) => existsSync(join(packageFolder, "bpf", signal, `${signal}.bpf.c`)))
  .filter((signal) => isStale(signal, check));
for (const signal of stale) {
  const file = `src/signals/${signal}/records.ts`;
  console.log(check ? `${file} is stale: run npm run generate` : `wrote ${file}`);
}
process.exitCode = check && stale.length > 0 ? 1 : 0;
