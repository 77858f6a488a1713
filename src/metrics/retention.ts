/** When the series of label sets may go that no process uses any more. */
import type { AnyTable } from "./any-table.js";
import type { Dimension } from "./dimension.js";
import { type End, LabelSets } from "./label-sets.js";
import { Reclaim } from "./reclaim.js";
import type { Renders } from "./renders.js";
import type { SeriesBudget } from "./series-budget.js";

/** How long series stay after their container has gone unless another time is given, milliseconds: a day. */
const defaultSeriesRetentionMs = 24 * 3_600_000;

/** The most label sets that are kept while no process uses them. */
export const mostKept = 32_768;

/** Series that are begun for one render: a few milliseconds' work. The next one gets the rest. */
const mostBegun = 20_000;

/** How long series stay. */
export interface RetentionTimes {
  /** How long the series of a label set stay at least after it has ended, milliseconds. Default 30,000. */
  readonly retentionMs?: number | undefined;
  /** How long the series of a label set without a pid stay after its container has gone, milliseconds. Default: a day. */
  readonly seriesRetentionMs?: number | undefined;
}

/**
 * The label sets of the subjects of tables have the states of a {@link LabelSets}. The end of one is due when two things have happened:
 * a render that began after the end has completed, and the retention time has passed. The next {@link expire} then removes the series of
 * what has a pid, unless the label set has begun again in between; others are kept until their places are needed. All times are
 * milliseconds of one clock that the caller chooses.
 */
export class Retention {
  /** How long the series of a label set stay at least after it has ended, milliseconds. */
  retentionMs: number;
  /** How long the series of a label set without a pid stay after its container has gone, milliseconds. */
  seriesRetentionMs: number;
  readonly #tables: Iterable<AnyTable>;
  readonly #renders: Renders;
  readonly #reclaim: Reclaim;
  readonly #labelSets = new Map<Dimension, LabelSets>();

  constructor(tables: Iterable<AnyTable>, renders: Renders, budget: SeriesBudget, times: RetentionTimes = {}) {
    this.#tables = tables;
    this.#renders = renders;
    this.#reclaim = new Reclaim(budget);
    this.retentionMs = times.retentionMs ?? 30_000;
    this.seriesRetentionMs = times.seriesRetentionMs ?? defaultSeriesRetentionMs;
  }

  /** Another number for each render and each {@link expire}: a second end of a label set in one epoch makes no difference. */
  get epoch(): number {
    return this.#renders.epoch;
  }

  /** How many label sets have ended and not expired, those that are kept not among them. */
  get ended(): number {
    return [...this.#labelSets.values()].reduce((count, { ended }) => count + ended, 0);
  }

  /** How many label sets are kept while no process uses them. */
  get kept(): number {
    return [...this.#labelSets.values()].reduce((count, { kept }) => count + kept, 0);
  }

  /** A label set has ended. A second end changes nothing; `other` never ends. Throws for an unknown id. */
  end(dimension: Dimension, id: number, now: number): void {
    if (!dimension.has(id)) {
      throw new RangeError(`labels ${dimension.names.join(",")}: no tuple has the id ${id}`);
    }
    if (id === dimension.other) {
      return;
    }
    const sets = this.#setsOf(dimension);
    sets.end(id, this.#endAt(now));
    sets.owner.stopWaiting(id);
  }

  /** A label set is active, again or still. */
  begin(dimension: Dimension, id: number): void {
    this.#labelSets.get(dimension)?.begin(id);
  }

  /** The container that a label set is of has gone: its series stay for {@link seriesRetentionMs}, unless it is deleted earlier. */
  containerGone(dimension: Dimension, id: number, now: number): void {
    this.#setsOf(dimension).containerGone(id, now);
  }

  /** The container of a label set exists, again or still. */
  containerExists(dimension: Dimension, id: number): void {
    this.#labelSets.get(dimension)?.containerExists(id);
  }

  /** The names of a dimension have changed: the label sets that no process uses are kept no longer. */
  renamed(dimension: Dimension, now: number): void {
    this.#labelSets.get(dimension)?.renamed(this.#endAt(now));
  }

  /** Begins series for the processes that share some and are alive, to be shown by the render that is under way, or the next one. */
  beginOwn(): void {
    const { begun, isRunning } = this.#renders;
    let left = mostBegun;
    for (const table of this.#tables) {
      const sets = this.#labelSets.get(table.subject);
      left -= table.beginOwn(isRunning ? begun : begun + 1, left, (id) => sets?.hasEnded(id) !== true);
    }
  }

  /** Does a render run, while which nothing expires? */
  get isRendering(): boolean {
    return this.#renders.isRunning;
  }

  /**
   * Lets label sets expire that are due: removes their rows from all tables and frees their ids, which later label tuples may get. Where
   * series are near their limit, those that no process uses move to overflow series. The caller must have no use for these ids any more.
   * Does nothing while a render runs. Stops when `limit` rows and label sets have been removed, or a few more; returns how many it were.
   */
  expire(now: number, limit = Infinity): number {
    this.#renders.nextEpoch();
    if (this.#renders.isRunning) {
      return 0;
    }
    const { lastCompleted } = this.#renders;
    const isDue = ({ at, rendersBegun }: End): boolean => now - at >= this.retentionMs && rendersBegun < lastCompleted;
    const due = { isDue, now, seriesRetentionMs: this.seriesRetentionMs };
    const all = [...this.#labelSets.values()];
    const counting = { lastCompleted, now, leadMs: this.retentionMs };
    for (const table of this.#tables) {
      table.countOwn(counting);
    }
    let removed = 0;
    for (const sets of all) {
      removed += sets.expire(due, limit - removed);
    }
    const reclaim = this.#reclaim;
    for (const table of this.#tables) {
      const sets = this.#labelSets.get(table.subject);
      removed += sets === undefined ? 0 : reclaim.makeRoom(table, sets, lastCompleted, limit - removed);
    }
    removed += reclaim.keepAtMost(mostKept, all, this.#tables, limit - removed);
    return removed + reclaim.shrink(all, this.#tables, lastCompleted, limit - removed);
  }

  #endAt(now: number): End {
    return { at: now, rendersBegun: this.#renders.begun };
  }

  #setsOf(dimension: Dimension): LabelSets {
    const present = this.#labelSets.get(dimension);
    if (present !== undefined) {
      return present;
    }
    let epoch = -1;
    let found: AnyTable[] = [];
    /** Those of the dimension, found once in each expiry. */
    const tables = (): AnyTable[] => {
      if (epoch !== this.#renders.epoch) {
        found = [...this.#tables].filter((table) => table.subject === dimension);
        ({ epoch } = this.#renders);
      }
      return found;
    };
    const made = new LabelSets(dimension, {
      hasRows: (id) => tables().some((table) => table.hasRows(id)),
      removeRows: (id) => tables().reduce((rows, table) => rows + table.removeSubject(id), 0),
      stopWaiting: (id) => {
        for (const table of tables()) {
          table.stopWaiting(id);
        }
      },
    });
    this.#labelSets.set(dimension, made);
    return made;
  }
}
