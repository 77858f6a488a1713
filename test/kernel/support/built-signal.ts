/** Signals of `ringtap/bpf` in the kernel, their metrics and records at hand. */
import type { BuiltRecord } from "../../../src/bpf/records.js";
import { defaultFlags, loadSignal } from "../../../src/engine/load.js";
import type { EventCounts } from "../../../src/engine/running.js";
import type { AnyTable } from "../../../src/metrics/any-table.js";
import type { AnySignal } from "../../../src/sdk/signal.js";
import { startLoaded } from "./loading.js";
import type { Scope } from "./scope.js";

/** A series: its labels in the order of their names, and its number, or a histogram's buckets and sum. */
export type Series = readonly [labels: Readonly<Record<string, string>>, ...numbers: number[]];

/** A signal that is attached. */
export interface BuiltSignal {
  /** Reads the kernel's counts and returns a metric's series. */
  series(metric: string): Promise<Series[]>;
  /** Takes in what waits in the ring. */
  records(): Record<string, unknown>[];
  counts(): EventCounts;
  /** What is done each second. */
  maintain(): Promise<void>;
  /** See {@link RunningSignal.runsLeftOut}. */
  missed(): number;
}

function numbersAt(table: AnyTable, row: number): number[] {
  return table.type === "histogram"
    ? [...table.buckets.subarray(row * table.slots, (row + 1) * table.slots), table.sums[row] as number]
    : [table.values[row] as number];
}

function seriesOf(table: AnyTable): Series[] {
  return Array.from({ length: table.size }, (_, row) => {
    const labels = {
      ...table.subject.labels(table.subjectAt(row)),
      ...table.detail?.labels(table.detailAt(row)),
    };
    return [labels, ...numbersAt(table, row)] as const;
  });
}

/** Loads and attaches a signal until the scope ends; `flags` are values that are not the defaults. */
export function attach(
  scope: Scope,
  signal: AnySignal,
  flags: Readonly<Record<string, unknown>> = {},
  ringSize?: number,
): BuiltSignal {
  const loaded = loadSignal(signal, { flags: { ...defaultFlags(signal), ...flags }, ringSize });
  const { running, catalog } = startLoaded(scope, loaded, ["pid", "comm"]);
  running.publish();
  const records: Record<string, unknown>[] = [];
  if (signal.trace !== undefined) {
    running.watchTraced((record, { trace }) => {
      const built = record as BuiltRecord;
      records.push({ ...trace?.fields(built) });
    });
  }
  return {
    async series(metric) {
      await running.collect();
      const table = [...catalog].find(({ name }) => name === metric);
      return table === undefined ? [] : seriesOf(table);
    },
    records() {
      while (running.drain() > 0) {
        // Until none is left.
      }
      return records;
    },
    counts: () => running.eventCounts(),
    maintain: () => running.maintain(),
    missed: () => running.runsLeftOut(),
  };
}

/** A field that the test knows to be there, of a field that …; `T` is its type. */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- only the kernel knows the type
export function at<T>(of: object, ...path: string[]): T {
  return path.reduce<unknown>((value, name) => Reflect.get(value as object, name), of) as T;
}
