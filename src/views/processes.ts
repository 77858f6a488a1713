/** What the tables say of each process: the numbers of `/metrics`, added up by who did it. */
import type { AnyTable } from "../metrics/any-table.js";
import type { Catalog } from "../metrics/catalog.js";
import type { Dimension } from "../metrics/dimension.js";
import type { Column, Headline } from "../sdk/views.js";
import { observationsOf } from "./breakdown.js";
import { anyTable } from "./declared.js";
import type { ProcessTotals } from "./protocol.js";
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

/** The numbers of a table by row, in the unit that is exposed. */
function numbersOf(table: AnyTable, { shows = "sum" }: Column): (row: number) => number {
  if (table.type !== "histogram") {
    return (row) => table.values[row] as number;
  }
  return shows === "count" ? (row) => observationsOf(table, row) : (row) => (table.sums[row] as number) / table.scale;
}

/** Adds up every process of the tables, `subjects` being their dimension. A process that has done nothing is left out. */
export function processTotals(catalog: Catalog, subjects: Dimension, columns: readonly Column[]): ProcessTotals[] {
  const sums = new Map<number, Float64Array>();
  for (const [place, column] of columns.entries()) {
    const table = anyTable(catalog, column.metric);
    if (table?.subject !== subjects) {
      continue;
    }
    const numberOf = numbersOf(table, column);
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
