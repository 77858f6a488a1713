/** What the tables say of each process: the numbers of `/metrics`, added up by who did it. */
import type { AnyTable, Catalog } from "../metrics/catalog.js";
import type { Dimension } from "../metrics/dimension.js";
import type { ValueTable } from "../metrics/value-table.js";
import type { Breakdown, Column } from "../sdk/views.js";
import type { BreakdownRow, ProcessTotals } from "./protocol.js";
import { ratesOf } from "./shared/rates.js";

function valueTable(catalog: Catalog, name: string): ValueTable | undefined {
  const isMeant = (table: AnyTable): table is ValueTable => table.name === name && table.type !== "histogram";
  return [...catalog].find(isMeant);
}

/** Does a row of these details count? By detail id, computed once for each. */
function counts(detail: Dimension | undefined, { except }: Column): (id: number) => boolean {
  const place = except === undefined ? -1 : (detail?.names.indexOf(except.label) ?? -1);
  if (detail === undefined || place < 0) {
    return () => true;
  }
  const answers: boolean[] = [];
  return (id) => (answers[id] ??= detail.values(id)[place] !== except?.value);
}

/** Adds up every process of the tables, `subjects` being their dimension. A process that has done nothing is left out. */
export function processTotals(catalog: Catalog, subjects: Dimension, columns: readonly Column[]): ProcessTotals[] {
  const sums = new Map<number, Float64Array>();
  for (const [place, column] of columns.entries()) {
    const table = valueTable(catalog, column.metric);
    if (table?.subject !== subjects) {
      continue;
    }
    const isCounted = counts(table.detail, column);
    for (let row = 0; row < table.size; row++) {
      if (!isCounted(table.detailAt(row))) {
        continue;
      }
      const id = table.subjectAt(row);
      let sum = sums.get(id);
      if (sum === undefined) {
        sums.set(id, (sum = new Float64Array(columns.length)));
      }
      (sum[place] as number) += table.values[row] as number;
    }
  }
  return Array.from(sums, ([id, sum]) => ({
    id,
    labels: subjects.labels(id),
    totals: Object.fromEntries(columns.map(({ key }, place) => [key, sum[place] ?? 0])),
  }));
}

/** What happened between two snapshots, for each process of the later one, per second; the keys of `levels` as they are. */
export function processRates(
  before: readonly ProcessTotals[],
  after: readonly ProcessTotals[],
  seconds: number,
  levels: readonly string[],
): Map<number, Record<string, number>> {
  const earlier = new Map(before.map((process) => [process.id, process]));
  return new Map(after.map((process) => [process.id, ratesOf(process, earlier.get(process.id), seconds, levels)]));
}

/** The rows of one process in a signal's breakdown, those that took longest first. */
export function breakdownRows(catalog: Catalog, subject: number, breakdown: Breakdown): BreakdownRow[] {
  const rows = new Map<string, { count: number; seconds: number; failures: Record<string, number> }>();
  const rowOf = (name = "") => {
    const row = rows.get(name) ?? { count: 0, seconds: 0, failures: {} };
    rows.set(name, row);
    return row;
  };
  const eachRow = (metric: string | undefined, take: (labels: Record<string, string>, value: number) => void): void => {
    const table = metric === undefined ? undefined : valueTable(catalog, metric);
    for (let row = 0; table?.detail !== undefined && row < table.size; row++) {
      if (table.subjectAt(row) === subject) {
        take(table.detail.labels(table.detailAt(row)), table.values[row] as number);
      }
    }
  };
  const { label, count, seconds, failures } = breakdown;
  eachRow(count, (labels, value) => {
    rowOf(labels[label]).count += value;
  });
  eachRow(seconds, (labels, value) => {
    rowOf(labels[label]).seconds += value;
  });
  eachRow(failures?.metric, (labels, value) => {
    const found = rowOf(labels[label]).failures;
    const by = labels[failures?.by ?? ""] ?? "";
    found[by] = (found[by] ?? 0) + value;
  });
  return Array.from(rows, ([name, row]) => ({ name, ...row })).sort(
    (a, b) => b.seconds - a.seconds || b.count - a.count,
  );
}
