/** A program that differs: made small, and written where it can be run again. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Comparison } from "./comparison.js";
import type { Difference } from "./counted.js";
import { shrink } from "./shrink.js";

/** Runs of the same operations that show whether a difference comes every time. */
export const repetitions = 5;

/** How long to look for a smaller program, milliseconds. */
const shrinkMs = 60_000;

/** Where findings are written. */
const findingsFolder = "dist/fuzz";

/** Kinds of numbers that differ: `opens`, `connects`, … */
function kindsOf(found: readonly Difference[]): Set<string> {
  return new Set(found.map(({ what }) => what.split(" ")[0] ?? ""));
}

/** One line for each number that differs, and what the scrape says of its process. */
export function tableOf(found: readonly Difference[]): string[] {
  return found.flatMap(({ what, expected, counted, samples = [] }) => [
    `${what}: expected ${expected}, counted ${counted}`,
    ...samples.map((sample) => `  ${sample}`),
  ]);
}

/** Makes a program that differs small, and writes it. Returns what is to be printed. */
export async function report(
  comparison: Comparison,
  seed: string,
  lines: readonly string[],
  found: Difference[],
): Promise<string> {
  const kinds = kindsOf(found);
  const isSame = (differs: readonly Difference[]): boolean => [...kindsOf(differs)].some((kind) => kinds.has(kind));
  const again = await comparison
    .compare(Array.from({ length: repetitions }, () => lines))
    .catch((): Difference[][] => []);
  const seen = again.filter(isSame).length;
  // What differs every time is looked for once in each smaller program.
  const times = seen === repetitions ? 1 : repetitions;
  let last = found;
  const fails = async (fewer: readonly string[]): Promise<boolean> => {
    const differs = await comparison.findIn(fewer, times).catch((): Difference[] => []);
    last = isSame(differs) ? differs : last;
    return isSame(differs);
  };
  const deadline = performance.now() + shrinkMs;
  const smallest = seen === 0 ? lines : await shrink(lines, fails, () => performance.now() > deadline);
  const path = join(findingsFolder, `${seed.replaceAll("/", "-")}.ops`);
  mkdirSync(findingsFolder, { recursive: true });
  const header = [
    `# seed ${seed}: ${seen} of ${repetitions} more runs of the same operations differed`,
    ...tableOf(last).map((line) => `# ${line}`),
  ];
  writeFileSync(path, [...header, ...smallest, ""].join("\n"));
  return [
    ...header,
    ...smallest,
    `to run it again: npm run test:fuzz -- --file ${path}`,
    `the whole program: npm run test:fuzz -- --seed ${seed}`,
  ].join("\n");
}
