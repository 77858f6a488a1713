/** A built signal at work: its counts in kernel maps, as metrics. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { Dimension } from "../metrics/dimension.js";
import type { HistogramTable } from "../metrics/histogram-table.js";
import type { ValueTable } from "../metrics/value-table.js";
import type { Counters, Owner } from "../sdk/counters.js";
import type { Running, SignalContext } from "../sdk/signal.js";
import { readerOf } from "./fields.js";
import type { Group, HistogramPlan, Plan } from "./plan.js";
import type { BuiltRecord } from "./records.js";

const allOnes = 0xffffffff;

/** By the state of a process. */
const owners = { active: "alive", ended: "ended", unknown: "unknown" } as const;

/** A subject and a detail of a metric's series. */
interface Series {
  readonly subject: number;
  /** The subject of a histogram: comm alone. */
  readonly comm: number;
  readonly detail: number;
}

/** The counts of one map. */
class GroupCounts {
  readonly #group: Group;
  readonly #context: SignalContext;
  readonly #counters: Counters;
  readonly #detail: Dimension | undefined;
  /** Label values of a key; a label set stays, so there are no more of them than entries. */
  readonly #readers: readonly ReturnType<typeof readerOf>[];
  readonly #known = new Set<number>();
  readonly #mostDetails: number;
  readonly #count: ValueTable | undefined;
  readonly #sums: readonly ValueTable[];
  readonly #histogram: HistogramTable | undefined;
  /** Events that have been read. */
  collected = 0;

  constructor(context: SignalContext, group: Group) {
    const { metrics, identity } = context;
    this.#group = group;
    this.#context = context;
    this.#readers = group.labels.map(readerOf);
    const names = group.labels.map(({ name }) => name);
    this.#detail = names.length === 0 ? undefined : new Dimension(names);
    const isOwned = group.owner !== undefined;
    const labels = { ...(isOwned ? { subject: identity.subjects } : {}), detail: this.#detail, bounded: false };
    if (group.count !== undefined) {
      this.#count = metrics.counter({ ...group.count, ...labels });
    }
    this.#sums = group.sums.map(({ name }) =>
      metrics.counter({ name, help: `${group.count?.help ?? ""} Sum of ${name}.`, ...labels }),
    );
    if (group.histogram !== undefined) {
      const { name, help, unit, firstPower, lastPower } = group.histogram;
      const subject = isOwned ? { subject: identity.comms } : {};
      const powers = { firstPower, lastPower };
      const suffixed = unit === "number" ? {} : { unit };
      this.#histogram = metrics.histogram({ name, help, unit, ...suffixed, ...labels, ...subject, ...powers });
    }
    const map = context.map(group.map);
    const { keySize, valueSize, maxEntries } = map.info;
    this.#mostDetails = maxEntries;
    // What exceeds the map's capacity is counted here: programs find it, whatever else the map has.
    map.set(new Uint8Array(keySize).fill(0xff), new Uint8Array(valueSize));
    this.#counters = context.counters(group.map, { owner: (key) => this.#ownerOf(key) });
  }

  get stats(): { readonly entries: readonly [string, number]; readonly memory: number } {
    const { name, size, memoryAtLimit } = this.#counters;
    return { entries: [name, size], memory: memoryAtLimit };
  }

  #isOverflow(key: Uint32Array): boolean {
    return key.every((word) => word === allOnes);
  }

  /** When the process of a key began, nanoseconds, and its id. */
  #process(key: Uint32Array): readonly [tgid: number, start: number] {
    const { start = { offset: 0 }, tgid = { offset: 0 } } = this.#group.owner ?? {};
    const at = start.offset / 4;
    return [key[tgid.offset / 4] as number, (key[at] as number) + (key[at + 1] as number) * 2 ** 32];
  }

  #ownerOf(key: Uint32Array): Owner {
    if (this.#group.owner === undefined || this.#isOverflow(key)) {
      return "alive";
    }
    const [tgid, start] = this.#process(key);
    // The idle tasks are no process.
    return tgid === 0 ? "alive" : owners[this.#context.identity.stateOf(tgid, start) ?? "unknown"];
  }

  #seriesOf(key: Uint32Array): Series {
    const { identity } = this.#context;
    const overflow = this.#isOverflow(key);
    const detail = overflow ? (this.#detail?.other ?? 0) : this.#detailOf(key);
    if (this.#group.owner === undefined) {
      return { subject: 0, comm: 0, detail };
    }
    if (overflow) {
      return { subject: identity.subjects.other, comm: identity.comms.other, detail };
    }
    const actor = identity.ofProcess(...this.#process(key));
    return { subject: identity.subject(actor), comm: identity.comm(actor), detail };
  }

  #detailOf(key: Uint32Array): number {
    const detail = this.#detail;
    if (detail === undefined) {
      return 0;
    }
    if (this.#known.size >= this.#mostDetails) {
      // Labels stay for the life of the process: no more than the map has entries.
      const texts = this.#readers.map((reader) => reader.text(key, 0));
      const id = detail.intern(...texts);
      if (this.#known.has(id)) {
        return id;
      }
      if (id !== detail.other) {
        detail.release(id);
      }
      return detail.other;
    }
    const id = detail.intern(...this.#readers.map((reader) => reader.text(key, 0)));
    this.#known.add(id);
    return id;
  }

  /** Adds what the map has grown by to the metrics. */
  async read(): Promise<void> {
    const take = (key: Uint32Array, differences: Float64Array): void => {
      this.#add(this.#seriesOf(key), differences);
    };
    while (this.#counters.readSome(take)) {
      await nextTurn();
    }
  }

  #add({ subject, comm, detail }: Series, differences: Float64Array): void {
    let at = 0;
    if (this.#count !== undefined) {
      const count = differences[at++] as number;
      this.#count.add(subject, detail, count);
      this.collected += count;
    }
    for (const sum of this.#sums) {
      sum.add(subject, detail, differences[at++] as number);
    }
    const { histogram } = this.#group;
    if (histogram !== undefined && this.#histogram !== undefined) {
      const observed = this.#observe(this.#histogram, histogram, { subject: comm, detail }, differences, at);
      this.collected += this.#count === undefined ? observed : 0;
    }
  }

  #observe(
    table: HistogramTable,
    { firstPower }: HistogramPlan,
    { subject, detail }: { readonly subject: number; readonly detail: number },
    differences: Float64Array,
    at: number,
  ): number {
    return table.addSlots(
      table.row(subject, detail),
      firstPower,
      differences.subarray(at + 1),
      differences[at] as number,
    );
  }
}

/** Starts a signal that has been loaded. */
export function startBuilt(context: SignalContext, plan: Plan): Running<BuiltRecord> {
  const groups = plan.groups.map((group) => new GroupCounts(context, group));
  const read = async (): Promise<void> => {
    for (const group of groups) {
      await group.read();
    }
  };
  return {
    collect: read,
    maintain: read,
    stats: () => ({
      // Each event counts once: as the record that it is to be, else as what the first map has of it.
      collected: plan.record === undefined ? (groups[0]?.collected ?? 0) : 0,
      memoryAtLimit: groups.reduce((bytes, { stats }) => bytes + stats.memory, 0),
      mapEntries: groups.map(({ stats }) => stats.entries),
    }),
  };
}
