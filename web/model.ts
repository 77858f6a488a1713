/** What the page knows: the rows of the frames so far, and what has happened between the last two. */
import type { Frame, Link, ProcessTotals, Rows } from "../src/views/protocol.js";
import { perSecond, rates, ratesOf, sameLabels } from "../src/views/shared/rates.js";

/** A process or an edge with what it has done a second. */
export interface Rated<T, K extends string> {
  readonly row: T;
  readonly rates: Readonly<Record<K, number>>;
}

export type EdgeNumber = "connects" | "failures" | "sent_bytes" | "received_bytes";
export type RatedProcess = Rated<ProcessTotals, string>;
export type RatedEdge = Rated<Link, EdgeNumber>;

const edgeNumbers: readonly EdgeNumber[] = ["connects", "failures", "sent_bytes", "received_bytes"];

/** Applies what has changed. */
function merged<T extends { readonly id: number }>(
  before: ReadonlyMap<number, T>,
  { rows, gone }: Rows<T>,
  whole: boolean,
): Map<number, T> {
  const after = whole ? new Map<number, T>() : new Map(before);
  for (const id of gone) {
    after.delete(id);
  }
  for (const row of rows) {
    after.set(row.id, row);
  }
  return after;
}

function sameEnds(a: Link, b: Link): boolean {
  return a.pid === b.pid && a.comm === b.comm && a.port === b.port && a.remote === b.remote && a.role === b.role;
}

export class Model {
  frame: Frame | undefined;
  processes: readonly RatedProcess[] = [];
  edges: readonly RatedEdge[] = [];
  /** The agent's own, since the frame before. */
  cpuShare = 0;
  eventsPerSecond = 0;
  #processes = new Map<number, ProcessTotals>();
  #edges = new Map<number, Link>();

  /** Has the id of a process gone to another one? The agent gives it out again, or has begun anew. */
  isAnother({ row }: RatedProcess): boolean {
    const now = this.#processes.get(row.id);
    return now !== undefined && !sameLabels(row.labels, now.labels);
  }

  /** Takes a frame. */
  apply(frame: Frame): void {
    const before = this.frame;
    const elapsed = before === undefined ? 0 : frame.at - before.at;

    const earlier = this.#processes;
    this.#processes = merged(earlier, frame.processes, frame.whole);
    this.processes = Array.from(this.#processes.values(), (row) => ({
      row,
      rates: ratesOf(row, earlier.get(row.id), elapsed, ["connections"]),
    }));

    const earlierEdges = this.#edges;
    this.#edges = merged(earlierEdges, frame.links, frame.whole);
    this.edges = Array.from(this.#edges.values(), (row) => {
      const was = earlierEdges.get(row.id);
      const from = was !== undefined && sameEnds(row, was) ? was : undefined;
      return { row, rates: rates(edgeNumbers, row, from, elapsed) };
    });

    this.cpuShare = perSecond(frame.health.cpuSeconds, before?.health.cpuSeconds ?? 0, elapsed);
    this.eventsPerSecond = perSecond(frame.health.consumed, before?.health.consumed ?? 0, elapsed);
    this.frame = frame;
  }
}
