/** The columns of `ringtap top`: those that signals declare, and by what else processes are sorted. */
import type { AnySignal } from "../../sdk/signal.js";
import type { Column } from "../../sdk/views.js";
import { quantityText, rateHeading } from "../../views/shared/columns.js";

/** What one process did in a span of time: numbers of snapshots as counts, levels as they are. */
export interface TopRow {
  /** As a snapshot calls it. */
  readonly id: number;
  readonly pid: string;
  readonly comm: string;
  /** The container's name, or its id where that is all that is known; empty outside of containers. */
  readonly container: string;
  readonly counts: Readonly<Record<string, number>>;
}

/** A column of numbers. */
export interface NumberColumn {
  /** As in `--sort`. */
  readonly sort: string;
  /** The number in {@link TopRow.counts}. */
  readonly key: string;
  readonly heading: string;
  readonly width: number;
  /** What it means, for the help. */
  readonly help: string;
  readonly isFailure: boolean;
  /** Writes the count of so many seconds. */
  readonly text: (count: number, seconds: number) => string;
}

/** Cells of the longest number, `12.3us`. */
const numberWidth = 6;

/** A number in a cell: a dash stands for nothing, so that what there is stands out. */
export function cellText(value: number, text: (value: number) => string): string {
  return value === 0 ? "-" : text(value);
}

/** The columns of `top` among those that signals declare, in their order. */
export function numberColumns(columns: readonly Column[]): NumberColumn[] {
  return columns
    .filter(({ heading, isDetail }) => heading !== undefined && isDetail !== true)
    .map((column) => {
      const heading = rateHeading(column);
      const text = quantityText(column);
      const { key, sort = key, help, isFailure = false, isLevel = false } = column;
      return {
        sort,
        key,
        heading,
        width: Math.max(heading.length, numberWidth),
        help,
        isFailure,
        text: (count, seconds) => cellText(isLevel ? count : count / seconds, text),
      };
    });
}

/** What `--sort` takes besides columns. */
const nameKeys = ["pid", "comm"];

/** What `--sort` takes where these are the columns. */
export function sortKeys(columns: readonly NumberColumn[]): string[] {
  return [...columns.map(({ sort }) => sort), ...nameKeys];
}

/** The columns that signals declare, whether they run or not, in the order in which they are shown. */
export function declaredColumns(signals: readonly AnySignal[]): NumberColumn[] {
  const last = Infinity;
  const positionOf = ({ views }: AnySignal): number => views?.position ?? last;
  return numberColumns(
    signals
      .toSorted((a, b) => (positionOf(a) === positionOf(b) ? 0 : positionOf(a) - positionOf(b)))
      .flatMap(({ views }) => views?.columns ?? []),
  );
}

/** Sorts by a key: numbers from the greatest, `pid` and `comm` from the least; the other way round when `reversed`. */
export function sortRows(
  rows: readonly TopRow[],
  columns: readonly NumberColumn[],
  key: string,
  reversed: boolean,
): TopRow[] {
  const column = columns.find(({ sort }) => sort === key);
  const byPid = (a: TopRow, b: TopRow): number => Number(a.pid) - Number(b.pid);
  const compare = (a: TopRow, b: TopRow): number => {
    if (column !== undefined) {
      return (b.counts[column.key] ?? 0) - (a.counts[column.key] ?? 0);
    }
    return key === "comm" && a.comm !== b.comm ? (a.comm < b.comm ? -1 : 1) : byPid(a, b);
  };
  return rows.toSorted((a, b) => (reversed ? -1 : 1) * (compare(a, b) || byPid(a, b)));
}

/** Is a text part of what a process is called, or its pid? */
export function matches({ pid, comm, container }: TopRow, filter: string): boolean {
  return pid === filter || [comm, container].some((name) => name.toLowerCase().includes(filter.toLowerCase()));
}
