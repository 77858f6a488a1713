/** docs/kernels.md's table: what `npm run test:kernels` last saw of each kernel. It is what a later run is compared with. */

/** What a run on one kernel found. */
export interface Findings {
  /** As uname has it. */
  readonly release: string;
  /** As Node has it. */
  readonly arch: string;
  /** The hook in use, by signal. */
  readonly hooks: Readonly<Record<string, string>>;
  /** Instructions the verifier walked, by program. */
  readonly instructions: Readonly<Record<string, number>>;
}

/** Cells by kernel series (a column), then by row. */
type Table = Map<string, Map<string, string>>;

const begin = "<!-- begin: written by npm run test:kernels -- --record -->\n";
const end = "<!-- end -->\n";

/** What a kernel is recorded under: the first two numbers of its release, and its architecture if that is not x64 (as Node has it). */
export function seriesOf(release: string, arch: string): string {
  const numbers = /^\d+\.\d+/.exec(release)?.[0] ?? release;
  return arch === "x64" ? numbers : `${numbers} ${arch}`;
}

function split(page: string): readonly [before: string, table: string, after: string] {
  const from = page.indexOf(begin) + begin.length;
  const to = page.indexOf(end, from);
  if (from < begin.length || to < 0) {
    throw new Error("the page has no table between its begin and end marks");
  }
  return [page.slice(0, from), page.slice(from, to), page.slice(to)];
}

function parse(text: string): Table {
  const [headings = [], , ...rows] = text
    .trim()
    .split("\n")
    .map((line) => line.split("|").map((cell) => cell.trim()));
  const series = headings.slice(2, -1);
  return new Map(
    series.map((name, column) => [name, new Map(rows.map(([, row = "", ...cells]) => [row, cells[column] ?? ""]))]),
  );
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |\n`;
}

function byVersion(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}

function print(table: Table): string {
  const columns = [...table].sort(([a], [b]) => byVersion(a, b));
  const rows = [...new Set(columns.flatMap(([, cells]) => [...cells.keys()]))];
  return [
    line(["", ...columns.map(([series]) => series)]),
    line(["---", ...columns.map(() => "---")]),
    ...rows
      .map((row) => [row, ...columns.map(([, cells]) => cells.get(row) ?? "")])
      .filter(([, ...cells]) => cells.some((cell) => cell !== ""))
      .map(line),
  ].join("");
}

function cellsOf({ release, hooks, instructions }: Findings): Map<string, string> {
  return new Map([
    ["release", release],
    ...Object.entries(hooks).map(([signal, hook]) => [`hook of ${signal}`, hook] as const),
    ...Object.entries(instructions).map(([program, count]) => [`\`${program}\``, count.toString()] as const),
  ]);
}

/** The page with these findings in place of what was recorded of the same kernel series; other series stay. */
export function withFindings(page: string, findings: readonly Findings[]): string {
  const [before, table, after] = split(page);
  const columns = parse(table);
  for (const found of findings) {
    columns.set(seriesOf(found.release, found.arch), cellsOf(found));
  }
  return before + print(columns) + after;
}

/** The instructions that the page records of a kernel series, by program; undefined when it has none of that series. */
export function recordedInstructions(page: string, series: string): ReadonlyMap<string, number> | undefined {
  const column = parse(split(page)[1]).get(series);
  if (column === undefined) {
    return undefined;
  }
  const programs = [...column].filter(([row, cell]) => row.startsWith("`") && cell !== "");
  return new Map(programs.map(([row, cell]) => [row.slice(1, -1), Number(cell)]));
}
