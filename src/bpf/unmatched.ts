/** Starts at work: those that wait too long for their end are deleted, and all that gets lost is counted. */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { BpfMap } from "../binding/native.js";
import { Dimension } from "../metrics/dimension.js";
import type { ValueTable } from "../metrics/value-table.js";
import type { SignalContext } from "../sdk/signal.js";
import type { MarkPlan, Plan } from "./plan.js";
import { unmatchedMap, unmatchedReasons } from "./start-code.js";

/** How long starts wait for their end, nanoseconds. */
export interface StartTimes {
  readonly timeout: number;
}

/** Starts are searched for those that wait too long each time that maintain() has been called so often. */
const callsPerSearch = 10;

/** Entries that are read in one turn of the event loop. */
const pieceEntries = 1024;

const twoTo32 = 2 ** 32;

interface Starts {
  readonly plan: MarkPlan;
  readonly map: BpfMap;
  /** Where the time of a start is, in words of 4 bytes. */
  readonly timeAt: number;
  size: number;
}

/** The starts of a signal. */
export class Unmatched {
  readonly #context: SignalContext;
  readonly #timeout: number;
  readonly #starts: readonly Starts[];
  readonly #lost: BpfMap;
  readonly #table: ValueTable;
  readonly #detail = new Dimension(["start", "reason"]);
  /** What was read last, by mark and reason. */
  readonly #last: Float64Array;
  #calls = 0;

  constructor(context: SignalContext, { name, marks }: Plan, { timeout }: StartTimes) {
    this.#context = context;
    this.#timeout = timeout;
    this.#starts = marks.map((plan) => ({
      plan,
      map: context.map(plan.map),
      timeAt: (plan.value.fields.find((field) => field.name === "time")?.offset ?? 0) / 4,
      size: 0,
    }));
    this.#lost = context.map(unmatchedMap);
    this.#last = new Float64Array(marks.length * unmatchedReasons.length);
    this.#table = context.metrics.counter({
      name: `${name}_unmatched_total`,
      help: "Starts without an end and ends without a start.",
      detail: this.#detail,
      bounded: true,
    });
  }

  /** Entries of each map, as they were searched last. */
  get entries(): (readonly [map: string, entries: number])[] {
    return this.#starts.map(({ plan, size }) => [plan.map, size] as const);
  }

  #count({ tracepoint }: MarkPlan, reason: string, events: number): void {
    if (events > 0) {
      this.#table.add(0, this.#detail.intern(tracepoint, reason), events);
    }
  }

  /** Adds what programs have counted. */
  read(): void {
    const entries = this.#lost.readAll();
    const [keys, words] = [new Uint32Array(this.#lost.keys, 0, entries), new Uint32Array(this.#lost.values)];
    const width = unmatchedReasons.length;
    keys.forEach((mark, entry) => {
      const plan = this.#starts[mark]?.plan;
      unmatchedReasons.forEach((reason, index) => {
        const [at, last] = [2 * (entry * width + index), mark * width + index];
        const events = (words[at] as number) + (words[at + 1] as number) * twoTo32;
        if (plan !== undefined) {
          this.#count(plan, reason, events - (this.#last[last] as number));
          this.#last[last] = events;
        }
      });
    });
  }

  /** Deletes starts that have waited for longer than the timeout. Call it each second. */
  async expire(): Promise<void> {
    if (++this.#calls % callsPerSearch !== 0) {
      return;
    }
    for (const starts of this.#starts) {
      starts.size = await this.#search(starts);
    }
  }

  /** Returns how many are left. */
  async #search({ plan, map, timeAt }: Starts): Promise<number> {
    const { keySize, valueSize } = map.info;
    let left = 0;
    for (let entries = map.readSome(pieceEntries); entries > 0; entries = map.readSome(pieceEntries)) {
      const before = this.#context.clock.monotonic() - this.#timeout;
      const words = new Uint32Array(map.values, 0, (entries * valueSize) / 4);
      const keys = new Uint8Array(map.keys, 0, entries * keySize);
      let expired = 0;
      for (let entry = 0; entry < entries; entry++) {
        const at = (entry * valueSize) / 4 + timeAt;
        if ((words[at] as number) + (words[at + 1] as number) * twoTo32 < before) {
          keys.copyWithin(expired * keySize, entry * keySize, (entry + 1) * keySize);
          expired++;
        }
      }
      const deleted = expired === 0 ? 0 : map.deleteKeys(keys.slice(0, expired * keySize), expired);
      this.#count(plan, "expired", deleted);
      left += entries - deleted;
      await nextTurn();
    }
    return left;
  }
}
