/** Results as Markdown. */
import type { FigureTable, Result, Scenario, Target } from "./scenario.js";

/** A full run of one scenario, as it is kept until the next. */
export interface KeptResult extends Result {
  /** When, `YYYY-MM-DD`. */
  readonly date: string;
  /** See describeMachine. */
  readonly machine: readonly string[];
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |\n`;
}

function tableText({ caption, headings, rows }: FigureTable): string {
  const text = `${line(headings)}${line(headings.map(() => "---"))}${rows.map(line).join("")}`;
  return caption === undefined ? text : `${caption}\n\n${text}`;
}

function targetsText(targets: readonly Target[]): string {
  return tableText({
    headings: ["figure", "target", "measured", "reached"],
    rows: targets.map(({ figure, wanted, measured, reached }) => [
      figure,
      wanted,
      measured,
      reached ? "yes" : "**no**",
    ]),
  });
}

/** One scenario's section, without its heading and method. */
export function resultText({ tables, targets, notes }: Result): string {
  const parts = tables.map(tableText);
  if (targets.length > 0) {
    parts.push(targetsText(targets));
  }
  if (notes.length > 0) {
    parts.push(notes.map((note) => `- ${note}\n`).join(""));
  }
  return parts.join("\n");
}

/** Runs on the same machine on the same day say so once. */
function conditions(results: readonly KeptResult[]): string {
  return [
    ...new Set(results.map(({ date, machine }) => [date, ...machine].map((item) => `- ${item}\n`).join(""))),
  ].join("\n");
}

/** The whole page; scenarios without a result are left out. `notes` comes last, as it is. */
export function pageText(
  scenarios: readonly Scenario[],
  results: ReadonlyMap<string, KeptResult>,
  notes: string,
): string {
  const sections = scenarios.flatMap(({ name, title, method }) => {
    const result = results.get(name);
    return result === undefined
      ? []
      : [`## ${title}\n\n\`npm run bench ${name}\`\n\n${method}\n\n${resultText(result)}`];
  });
  return `<!-- Written by \`npm run bench\`. Do not edit: prose belongs into scripts/bench/. -->
# Benchmarks

Each figure is the median of several rounds, with the least and the most in parentheses; in each round the contenders take turns on the same
machine, and ratios are medians of the rounds' own. Trust the ratios more than the nanoseconds.

    npm run bench                     everything, and writes this page (root; installs the peers' Debian packages)
    npm run bench -- --quick          ringtap and the cheapest peers, in less than a minute; writes nothing
    npm run bench -- drain scrape     these scenarios only; the others keep their last figures

${conditions([...results.values()])}
${sections.join("\n")}
${notes}`;
}
