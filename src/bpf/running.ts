/** A built signal at work: its counts in kernel maps, as metrics. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { Dimension } from "../metrics/dimension.js";
import type { HistogramTable } from "../metrics/histogram-table.js";
import type { ValueTable } from "../metrics/value-table.js";
import type { Counters, Owner } from "../sdk/counters.js";
import type { Running, SignalContext } from "../sdk/signal.js";
import { readerOf } from "./fields.js";
import type { Group, HistogramPlan } from "./group-plan.js";
import type { Plan } from "./plan.js";
import type { BuiltRecord } from "./records.js";
import { type StartTimes, Unmatched } from "./unmatched.js";

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
  readonly #gauge: ValueTable | undefined;
  readonly #histogram: HistogramTable | undefined;
  readonly map: string;
  /** Events that have been read. */
  collected = 0;

  constructor(context: SignalContext, group: Group) {
    const { metrics, identity } = context;
    this.#group = group;
    this.map = group.map;
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
    if (group.gauge !== undefined) {
      const { name, help } = group.gauge;
      this.#gauge = metrics.gauge({ name, help, ...labels });
    }
    if (group.histogram !== undefined) {
      const { name, help, unit, buckets } = group.histogram;
      const subject = isOwned ? { subject: identity.comms } : {};
      const suffixed = unit === "number" ? {} : { unit };
      const bounds =
        buckets.are === "linear"
          ? { bounds: buckets.bounds }
          : { firstPower: buckets.firstPower, lastPower: buckets.lastPower };
      this.#histogram = metrics.histogram({ name, help, unit, ...suffixed, ...labels, ...subject, ...bounds });
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
    if (this.#group.hasCount) {
      const count = differences[at++] as number;
      this.#count?.add(subject, detail, count);
      this.collected += count;
    }
    for (const sum of this.#sums) {
      sum.add(subject, detail, differences[at++] as number);
    }
    const { gauge, histogram, hasCount } = this.#group;
    if (gauge !== undefined) {
      // The last number, by how much it differs from the one before; or what has been added, and what has been taken away.
      const less = gauge.isLast ? 0 : (differences[at + 1] as number);
      this.#gauge?.add(subject, detail, (differences[at] as number) - less);
    }
    if (histogram !== undefined && this.#histogram !== undefined) {
      const observed = this.#observe(this.#histogram, histogram, { subject: comm, detail }, differences, at);
      this.collected += hasCount ? 0 : observed;
    }
  }

  #observe(
    table: HistogramTable,
    { buckets }: HistogramPlan,
    { subject, detail }: { readonly subject: number; readonly detail: number },
    differences: Float64Array,
    at: number,
  ): number {
    const row = table.row(subject, detail);
    const [counts, sum] = [differences.subarray(at + 1), differences[at] as number];
    return buckets.are === "linear"
      ? table.addBuckets(row, counts, sum)
      : table.addSlots(row, buckets.firstPower, counts, sum);
  }
}

/** Starts a signal that has been loaded. */
export function startBuilt(context: SignalContext, plan: Plan, times: StartTimes): Running<BuiltRecord> {
  const groups = plan.groups.map((group) => new GroupCounts(context, group));
  const maps = countedMaps(plan);
  const counted = groups.filter(({ map }) => maps.includes(map));
  const unmatched = plan.marks.length === 0 ? undefined : new Unmatched(context, plan, times);
  const read = async (): Promise<void> => {
    for (const group of groups) {
      await group.read();
    }
    unmatched?.read();
  };
  return {
    collect: read,
    maintain: async () => {
      await read();
      await unmatched?.expire();
    },
    maintainMayWait: unmatched === undefined,
    stats: () => ({
      // Each event counts once: as the record that it is to be, else as what a map has of it.
      collected: counted.reduce((sum, { collected }) => sum + collected, 0),
      memoryAtLimit: groups.reduce((bytes, { stats }) => bytes + stats.memory, 0),
      mapEntries: [...groups.map(({ stats }) => stats.entries), ...(unmatched?.entries ?? [])],
    }),
  };
}

/**
 * The maps by which events are counted that have no record: for each tracepoint the first one that none with a record counts in, each
 * once.
 */
function countedMaps({ events }: Plan): string[] {
  const recorded = new Set(
    events.flatMap(({ record, groups }) => (record === undefined ? [] : groups.map(({ map }) => map))),
  );
  const maps = events.flatMap(({ record, groups }) => {
    const first = record === undefined ? groups.find(({ map }) => !recorded.has(map)) : undefined;
    return first === undefined ? [] : [first.map];
  });
  return [...new Set(maps)];
}
