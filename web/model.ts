/** What the page knows: the rows of the frames so far, and what has happened between the last two. */
import type { Column, Frame, Link, ProcessTotals, SignalViews } from "../src/views/protocol.js";
import { levelsOf, shownColumns } from "../src/views/shared/columns.js";
import { programShares } from "../src/views/shared/program-shares.js";
import { perSecond, rates, ratesOf, sameLabels } from "../src/views/shared/rates.js";
import { merged } from "./rows.js";

/** A process or a link with what it has done a second. */
export interface Rated<T, K extends string> {
  readonly row: T;
  readonly rates: Readonly<Record<K, number>>;
}

export type LinkNumber = "connects" | "failures" | "sent_bytes" | "received_bytes" | "requests" | "request_failures";
export type RatedProcess = Rated<ProcessTotals, string>;
export type RatedLink = Rated<Link, LinkNumber>;

const linkNumbers: readonly LinkNumber[] = [
  "connects",
  "failures",
  "sent_bytes",
  "received_bytes",
  "requests",
  "request_failures",
];

/** The numbers of a link, requests of all protocols together. */
function numbersOf({
  connects,
  failures,
  sent_bytes,
  received_bytes,
  requests = [],
}: Link): Record<LinkNumber, number> {
  return {
    ...{ connects, failures, sent_bytes, received_bytes },
    requests: requests.reduce((sum, of) => sum + of.requests, 0),
    request_failures: requests.reduce((sum, of) => sum + of.failures, 0),
  };
}

function sameEnds(a: Link, b: Link): boolean {
  return a.pid === b.pid && a.comm === b.comm && a.port === b.port && a.remote === b.remote && a.role === b.role;
}

export class Model {
  frame: Frame | undefined;
  processes: readonly RatedProcess[] = [];
  links: readonly RatedLink[] = [];
  /** What the signals that run show. */
  views: readonly SignalViews[] = [];
  /** The columns of processes that have a heading. */
  columns: readonly Column[] = [];
  /** The agent's own, since the frame before. */
  cpuShare = 0;
  eventsPerSecond = 0;
  /** The time that the programs of each signal ran, as a share of one core; without those that are not timed. */
  programShares: ReadonlyMap<string, number> = new Map();
  #processes = new Map<number, ProcessTotals>();
  #links = new Map<number, Link>();
  #levels: readonly string[] = [];

  /** Has the id of a process gone to another one? The agent gives it out again, or has begun anew. */
  isAnother({ row }: RatedProcess): boolean {
    const now = this.#processes.get(row.id);
    return now !== undefined && !sameLabels(row.labels, now.labels);
  }

  /** Takes a frame. */
  apply(frame: Frame): void {
    const before = this.frame;
    const elapsed = before === undefined ? 0 : frame.at - before.at;
    if (frame.views !== undefined) {
      this.views = frame.views;
      const columns = frame.views.flatMap((view) => view.columns);
      this.columns = shownColumns(columns);
      this.#levels = levelsOf(columns);
    }

    const earlier = this.#processes;
    this.#processes = merged(earlier, frame.processes, frame.whole);
    this.processes = Array.from(this.#processes.values(), (row) => ({
      row,
      rates: ratesOf(row, earlier.get(row.id), elapsed, this.#levels),
    }));

    const earlierLinks = this.#links;
    this.#links = merged(earlierLinks, frame.links, frame.whole);
    this.links = Array.from(this.#links.values(), (row) => {
      const was = earlierLinks.get(row.id);
      const from = was !== undefined && sameEnds(row, was) ? was : undefined;
      return { row, rates: rates(linkNumbers, numbersOf(row), from && numbersOf(from), elapsed) };
    });

    this.cpuShare = perSecond(frame.health.cpuSeconds, before?.health.cpuSeconds ?? 0, elapsed);
    this.eventsPerSecond = perSecond(frame.health.consumed, before?.health.consumed ?? 0, elapsed);
    this.programShares = programShares(before?.health, frame.health, elapsed);
    this.frame = frame;
  }
}
