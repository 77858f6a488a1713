/** What the tables say of each process: the numbers of `/metrics`, added up by who did it. */
import type { AnyTable } from "../metrics/any-table.js";
import type { Catalog } from "../metrics/catalog.js";
import type { Dimension } from "../metrics/dimension.js";
import type { Breakdown, Column, Headline } from "../sdk/views.js";
import { anyTable, valueTable } from "./declared.js";
import type { BreakdownRow, ProcessTotals } from "./protocol.js";
import { levelsOf } from "./shared/columns.js";
import { ratesOf } from "./shared/rates.js";

/** Does a row of these details count? By detail id, computed once for each. */
function counts(detail: Dimension | undefined, { except }: Column): (id: number) => boolean {
  const place = except === undefined ? -1 : (detail?.names.indexOf(except.label) ?? -1);
  if (detail === undefined || place < 0) {
    return () => true;
  }
  const answers: boolean[] = [];
  return (id) => (answers[id] ??= detail.values(id)[place] !== except?.value);
}

/** The numbers of a table by row, in the unit that is exposed: of a histogram, the sums of what it has observed. */
function numbersOf(table: AnyTable): (row: number) => number {
  return table.type === "histogram"
    ? (row) => (table.sums[row] as number) / table.scale
    : (row) => table.values[row] as number;
}

/** Adds up every process of the tables, `subjects` being their dimension. A process that has done nothing is left out. */
export function processTotals(catalog: Catalog, subjects: Dimension, columns: readonly Column[]): ProcessTotals[] {
  const sums = new Map<number, Float64Array>();
  for (const [place, column] of columns.entries()) {
    const table = anyTable(catalog, column.metric);
    if (table?.subject !== subjects) {
      continue;
    }
    const numberOf = numbersOf(table);
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
      (sum[place] as number) += numberOf(row);
    }
  }
  return Array.from(sums, ([id, sum]) => ({
    id,
    labels: subjects.labels(id),
    totals: Object.fromEntries(columns.map(({ key }, place) => [key, sum[place] ?? 0])),
  }));
}

/** What rates need to know of a snapshot. */
export interface ProcessSnapshot {
  /** Seconds of a clock that never steps. */
  readonly at: number;
  readonly processes: readonly ProcessTotals[];
  /** What the numbers of the processes are. */
  readonly columns: readonly Column[];
}

/**
 * What each process of the later snapshot has done since the earlier one, by {@link Column.key}: per second, and levels as they are.
 * With 1 for `seconds`, counts instead of rates.
 */
export function processRates(
  before: ProcessSnapshot,
  after: ProcessSnapshot,
  seconds = after.at - before.at,
): Map<number, Record<string, number>> {
  const earlier = new Map(before.processes.map((process) => [process.id, process]));
  const levels = levelsOf(after.columns);
  return new Map(
    after.processes.map((process) => [process.id, ratesOf(process, earlier.get(process.id), seconds, levels)]),
  );
}

/** What all processes together have done, by the column of each headline; a share from 0 to 1 where it has {@link Headline.of}. */
export function headlineNumbers(
  numbers: Iterable<Readonly<Record<string, number>>>,
  headlines: readonly Headline[],
): Record<string, number> {
  const sums = new Map<string, number>();
  const keys = new Set(headlines.flatMap(({ column, of = column }) => [column, of]));
  for (const each of numbers) {
    for (const key of keys) {
      sums.set(key, (sums.get(key) ?? 0) + (each[key] ?? 0));
    }
  }
  return Object.fromEntries(
    headlines.map(({ column, of }) => {
      const sum = sums.get(column) ?? 0;
      const whole = of === undefined ? 1 : (sums.get(of) ?? 0);
      return [column, whole > 0 ? sum / whole : 0];
    }),
  );
}

/** The rows of one process in a signal's breakdown, those that took longest first. */
export function breakdownRows(catalog: Catalog, subject: number, breakdown: Breakdown): BreakdownRow[] {
  const { label, count, seconds, failures } = breakdown;
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
  return Array.from(rows)
    .sort(([, a], [, b]) => b.seconds - a.seconds || b.count - a.count)
    .map(([name, row]) => ({
      name,
      count: row.count,
      ...(seconds === undefined ? {} : { seconds: row.seconds }),
      ...(failures === undefined ? {} : { failures: row.failures }),
    }));
}
