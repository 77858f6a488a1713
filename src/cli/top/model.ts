/** What `ringtap top` shows at one moment: the difference between two snapshots. */
import type { Snapshot } from "../../views/live.js";
import { headlineNumbers, processRates } from "../../views/processes.js";
import type { SignalViews } from "../../views/protocol.js";
import { quantityText } from "../../views/shared/columns.js";
import { programShares } from "../../views/shared/program-shares.js";
import { shareText } from "../../views/shared/quantities.js";
import { type NumberColumn, numberColumns, type TopRow } from "./columns.js";

/** The agent itself in that time. */
export interface TopHealth {
  /** Events taken in, and events lost. */
  readonly events: number;
  readonly dropped: number;
  /** Of one processor, from 0. */
  readonly cpu: number;
  /** The time that the programs of each signal ran, as a share of one processor; without those that are not timed yet. */
  readonly programs: ReadonlyMap<string, number>;
  readonly residentBytes: number;
  /** Signals that do not run. */
  readonly down: readonly string[];
  /** Signals that run, and of whose numbers some are missing. */
  readonly incomplete: readonly string[];
}

/** A number of all processes together. */
export interface TopHeadline {
  /** As a snapshot calls the number. */
  readonly key: string;
  readonly count: number;
  /** `29.9k system calls/s` */
  readonly text: string;
}

/** What happened between two snapshots. */
export interface TopFrame {
  /** When it ended, milliseconds since the epoch. */
  readonly time: number;
  readonly seconds: number;
  /** Those of the signals that run. */
  readonly columns: readonly NumberColumn[];
  readonly headlines: readonly TopHeadline[];
  /** Processes that have any number. */
  readonly rows: readonly TopRow[];
  readonly health: TopHealth;
}

function headlinesOf(
  views: readonly SignalViews[],
  counts: Iterable<Readonly<Record<string, number>>>,
  seconds: number,
): TopHeadline[] {
  const declared = views.flatMap(({ headline, columns }) =>
    headline.flatMap(({ title, column: key, of }) => {
      const column = columns.find((candidate) => candidate.key === key);
      return column === undefined ? [] : [{ title, column, isShare: of !== undefined }];
    }),
  );
  const numbers = headlineNumbers(
    counts,
    views.flatMap(({ headline }) => headline),
  );
  return declared.map(({ title, column, isShare }) => {
    const { key, isLevel } = column;
    const count = numbers[key] ?? 0;
    if (isShare) {
      return { key, count, text: `${shareText(count)} ${title}` };
    }
    const number = quantityText(column)(isLevel === true ? count : count / seconds);
    return { key, count, text: isLevel === true ? `${number} ${title}` : `${number} ${title}/s` };
  });
}

/** What happened between two snapshots; `views` are those of the signals that run. */
export function topFrame(before: Snapshot, after: Snapshot, views: readonly SignalViews[]): TopFrame {
  const seconds = after.at - before.at;
  const counts = processRates(before, after, 1);
  const rows = after.processes.flatMap(({ id, labels }) => {
    const ofProcess = counts.get(id);
    if (ofProcess === undefined || Object.values(ofProcess).every((count) => count === 0)) {
      return [];
    }
    const { pid = "", comm = "", container = "", container_id = "" } = labels;
    return [{ id, pid, comm, container: container || container_id, counts: ofProcess }];
  });
  const { consumed, dropped, cpuSeconds, residentBytes, signals } = after.health;
  return {
    time: after.time,
    seconds,
    columns: numberColumns(after.columns),
    headlines: headlinesOf(views, counts.values(), seconds),
    rows,
    health: {
      events: consumed - before.health.consumed,
      dropped: dropped - before.health.dropped,
      cpu: (cpuSeconds - before.health.cpuSeconds) / seconds,
      programs: programShares(before.health, after.health, seconds),
      residentBytes,
      down: signals.filter(({ up }) => !up).map(({ name }) => name),
      incomplete: signals.filter(({ problem }) => problem !== undefined).map(({ name }) => name),
    },
  };
}
