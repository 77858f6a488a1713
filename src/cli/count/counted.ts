/** What has been counted so far, as rows, and these as text. */
import type { Catalog } from "../../metrics/catalog.js";
import type { AnyTable } from "../../metrics/any-table.js";
import type { HistogramTable } from "../../metrics/histogram-table.js";
import { bytesText, countText, durationText } from "../../views/shared/quantities.js";
import { cut, displayWidth, pad } from "../terminal/text.js";

/** A label set: what has been counted of it. */
export interface Row {
  readonly labels: Readonly<Record<string, string>>;
  readonly count: number;
  /** Sums of a counter by name; of a histogram its one, without a name. */
  readonly sums: Readonly<Record<string, number>>;
  /** Of a histogram: observations by bucket, the last those above all bounds. */
  readonly buckets?: readonly number[];
}

/** All label sets, the most frequent first. */
export interface Counted {
  readonly rows: readonly Row[];
  /** Of a histogram: the buckets' upper bounds, and how one reads. */
  readonly bounds: readonly number[];
  readonly boundText: (bound: number) => string;
}

function labelsOf(table: AnyTable, row: number): Record<string, string> {
  return { ...table.subject.labels(table.subjectAt(row)), ...table.detail?.labels(table.detailAt(row)) };
}

function sorted(rows: readonly Row[]): Row[] {
  return rows.filter(({ count }) => count > 0).sort((a, b) => b.count - a.count);
}

function tableNamed(catalog: Catalog, name: string): AnyTable | undefined {
  return [...catalog].find((table) => table.name === name);
}

/** The counts of a counter, with the sums of others that have the same labels: by their names for people. */
export function countedTotals(catalog: Catalog, name: string, sums: Readonly<Record<string, string>>): Counted {
  const table = tableNamed(catalog, name);
  if (table?.type !== "counter") {
    return { rows: [], bounds: [], boundText: String };
  }
  const others = Object.entries(sums).flatMap(([heading, metric]) => {
    const other = tableNamed(catalog, metric);
    if (other?.type !== "counter") {
      return [];
    }
    const byLabels = Array.from(
      { length: other.size },
      (_, row) => [JSON.stringify(labelsOf(other, row)), other.values[row] as number] as const,
    );
    return [[heading, new Map(byLabels)] as const];
  });
  const rows = Array.from({ length: table.size }, (_, row): Row => {
    const labels = labelsOf(table, row);
    const key = JSON.stringify(labels);
    return {
      labels,
      count: table.values[row] as number,
      sums: Object.fromEntries(others.map(([heading, values]) => [heading, values.get(key) ?? 0])),
    };
  });
  return { rows: sorted(rows), bounds: [], boundText: String };
}

const boundTexts = { seconds: durationText, bytes: bytesText, number: countText };

/** The observations of a histogram. */
export function countedHistogram(catalog: Catalog, name: string, unit: keyof typeof boundTexts): Counted {
  const table = tableNamed(catalog, name);
  if (table?.type !== "histogram") {
    return { rows: [], bounds: [], boundText: String };
  }
  const rows = Array.from({ length: table.size }, (_, row) => histogramRow(table, row));
  return { rows: sorted(rows), bounds: table.bounds, boundText: boundTexts[unit] };
}

function histogramRow(table: HistogramTable, row: number): Row {
  const buckets = [...table.buckets.subarray(row * table.slots, (row + 1) * table.slots)];
  return {
    labels: labelsOf(table, row),
    count: buckets.reduce((sum, count) => sum + count, 0),
    sums: { sum: (table.sums[row] as number) / table.scale },
    buckets,
  };
}

/** A line of JSON for each label set. */
export function jsonLines({ rows, bounds }: Counted): string[] {
  return rows.map(({ labels, count, sums, buckets }) =>
    JSON.stringify({
      ...labels,
      count,
      ...sums,
      ...(buckets === undefined ? {} : { buckets: buckets.map((n, index) => [bounds[index] ?? null, n]) }),
    }),
  );
}

/** The widest column of labels, cells. */
const mostWidth = 40;

/** A table with a line for each label set. */
function totalLines(rows: readonly Row[]): string[] {
  const names = Object.keys(rows[0]?.labels ?? {});
  const sums = Object.keys(rows[0]?.sums ?? {});
  const cells = [
    [...names, "count", ...sums].map((name) => name.toUpperCase()),
    ...rows.map(({ labels, count, sums: of }) => [
      ...names.map((name) => cut(labels[name] ?? "", mostWidth)),
      `${count}`,
      ...sums.map((name) => `${of[name] ?? 0}`),
    ]),
  ];
  const widths = cells[0]?.map((_, column) => Math.max(...cells.map((line) => displayWidth(line[column] ?? "")))) ?? [];
  return cells.map((line) =>
    line
      .map((cell, column) => pad(cell, widths[column] ?? 0, column < names.length ? "end" : "start"))
      .join("  ")
      .trimEnd(),
  );
}

/** Cells of the longest bar. */
const barWidth = 40;

/** Bars of one label set's buckets, those at both ends left out that have nothing. */
function histogramLines({ labels, count, sums, buckets = [] }: Row, { bounds, boundText }: Counted): string[] {
  const who = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
  const average = (sums.sum ?? 0) / count;
  const first = buckets.findIndex((n) => n > 0);
  const last = buckets.findLastIndex((n) => n > 0);
  const most = Math.max(...buckets);
  const lines = buckets.slice(first, last + 1).map((n, index) => {
    const bound = bounds[first + index];
    const name = bound === undefined ? `> ${boundText(bounds.at(-1) ?? 0)}` : `<= ${boundText(bound)}`;
    return `${pad(name, 12, "start")} ${pad(`${n}`, 10, "start")} ${"#".repeat(Math.ceil((n / most) * barWidth))}`.trimEnd();
  });
  return [[...who, `count ${count}`, `average ${boundText(average)}`].join("  "), ...lines];
}

/** What is to be said of counts that may be too low, as the kernel has left out so many runs of the program; none where they are exact. */
export function leftOutLines(runs: number): string[] {
  return runs === 0
    ? []
    : [
        `up to ${runs} events are missing: the kernel left out their runs of the program, which was running on their CPU already`,
      ];
}

/** Lines for people, of no more label sets than so many. */
export function tableLines(counted: Counted, limit: number): string[] {
  const shown = counted.rows.slice(0, limit);
  const more = counted.rows.length - shown.length;
  const note = more === 0 ? [] : [`… and ${more} more`];
  if (shown.length === 0) {
    return ["no events"];
  }
  return shown[0]?.buckets === undefined
    ? [...totalLines(shown), ...note]
    : [...shown.flatMap((row, index) => [...(index === 0 ? [] : [""]), ...histogramLines(row, counted)]), ...note];
}
