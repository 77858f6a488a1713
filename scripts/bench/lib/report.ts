/** Results as Markdown. */
import type { Conditions } from "./machine.js";
import type { FigureTable, Result, Scenario, Target } from "./scenario.js";

/** A full run of one scenario, as it is kept until the next. */
export interface KeptResult extends Result {
  readonly conditions: Conditions;
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |\n`;
}

function list(items: readonly string[]): string {
  return items.map((item) => `- ${item}\n`).join("");
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
      reached === "no" ? "**no**" : reached,
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
    parts.push(list(notes));
  }
  return parts.join("\n");
}

/** What is the same for all results about the machines they were measured on. */
function commonMachine(results: readonly KeptResult[]): readonly string[] {
  const [first, ...others] = results.map(({ conditions }) => conditions.machine);
  return (first ?? []).filter((line) => others.every((machine) => machine.includes(line)));
}

/** A scenario's heading, how to run it, and when and on what it was run: of the machine, what `common` does not say. */
function headText({ name, title, method }: Scenario, { conditions }: KeptResult, common: readonly string[]): string {
  const { date, commit, load, machine } = conditions;
  const others = machine.filter((line) => !common.includes(line));
  const when = [date, `commit ${commit}`, `load average ${load} when the run began`, ...others].join(", ");
  return `## ${title}\n\n\`npm run bench ${name}\`: ${when}\n\n${method}`;
}

/** The whole page; scenarios without a result are left out. `notes` comes last, as it is. */
export function pageText(
  scenarios: readonly Scenario[],
  results: ReadonlyMap<string, KeptResult>,
  notes: string,
): string {
  const common = commonMachine([...results.values()]);
  const sections = scenarios.flatMap((scenario) => {
    const result = results.get(scenario.name);
    return result === undefined ? [] : [`${headText(scenario, result, common)}\n\n${resultText(result)}`];
  });
  return `<!-- Written by \`npm run bench\`. Do not edit: prose belongs into scripts/bench/. -->
# Benchmarks

Each figure is the median of several rounds, or of the best ones where a section says so, with the least and the most in parentheses; in each round the contenders take turns on the same
machine, and ratios are medians of the rounds' own. Trust the ratios more than the nanoseconds. That figure decides whether a target is
reached. It is *within noise* where the rounds do not tell: some reach the target, others miss it, and they lie further apart than it is high;
or it is reached by a figure that was zero or less in some round.

    npm run bench                     everything, and writes this page (root; installs the peers' Debian packages)
    npm run bench -- --quick          ringtap and the cheapest peers, in some four minutes; writes nothing
    npm run bench -- drain scrape     these scenarios only; the others keep their last figures
    npm run bench -- drain --profile  where the time goes: a CPU profile into dist/bench/, no figures

A commit with a + had changed files beside it.

${list(common)}
${sections.join("\n")}
${notes}`;
}
