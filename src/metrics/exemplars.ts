/** One event of each row of a histogram, to show what is behind its numbers. */
import type { Column, KeyedRows } from "./rows.js";

/** What is kept of an event, and what is said of it. */
export interface ExemplarDefinition {
  /** How many numbers are kept of an event. */
  readonly width: number;
  /** Labels made of these numbers, which begin at `at`; with their names at most {@link longestExemplar} characters of ASCII. */
  readonly labels: (numbers: Float64Array, at: number) => ExemplarLabels;
}

/** An event that may be shown. */
export interface TimedEvent {
  /** Nanoseconds. */
  readonly duration: number;
}

export type ExemplarLabels = readonly (readonly [name: string, value: string])[];

/** An event as formats show it. */
export interface Exemplar {
  readonly nanoseconds: number;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly labels: ExemplarLabels;
}

/** Characters that names and values of an exemplar's labels may have, by OpenMetrics 1.0. */
export const longestExemplar = 128;

/** For how long the slowest event keeps its place against faster ones, milliseconds. */
const shownFor = 60_000;

/** Of each row: the duration that takes its place, the event's own, the time of day; then the event's numbers. */
const ownNumbers = 3;

/**
 * The slowest event of each row, until it is older than a minute and has been shown: then the next one takes its place. Replacing it
 * allocates nothing. An event's age is computed when it is shown, for times are numbers that V8 may box where events come in.
 */
export class Exemplars {
  readonly #definition: ExemplarDefinition;
  readonly #clock: () => number;
  readonly #column: Column;

  /** `clock` tells milliseconds since 1970. */
  constructor(rows: KeyedRows, definition: ExemplarDefinition, clock: () => number) {
    this.#definition = definition;
    this.#clock = clock;
    this.#column = rows.addColumn(ownNumbers + definition.width);
  }

  /** Numbers of all events. Valid until the next insertion or removal. */
  get numbers(): Float64Array {
    return this.#column.data;
  }

  /**
   * Takes an event in place of the one that the row shows, unless that is slower and still has its place. Returns where in
   * {@link numbers} the event's are to be put; -1 when it is not taken.
   */
  take(row: number, event: TimedEvent): number {
    const { data, stride } = this.#column;
    const at = row * stride;
    if (event.duration < (data[at] as number)) {
      return -1;
    }
    data[at] = event.duration;
    data[at + 1] = event.duration;
    data[at + 2] = this.#clock();
    return at + ownNumbers;
  }

  /** The event that a row shows, if there was one. */
  show(row: number): Exemplar | undefined {
    const { data, stride } = this.#column;
    const at = row * stride;
    const time = data[at + 2] as number;
    if (time === 0) {
      return undefined;
    }
    if (this.#clock() - time >= shownFor) {
      data[at] = 0;
    }
    return { nanoseconds: data[at + 1] as number, time, labels: this.#definition.labels(data, at + ownNumbers) };
  }
}
