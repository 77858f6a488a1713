/** Processes taken together by a label. */
import type { RatedProcess } from "./model.js";

/** In place of a label: every process for itself. */
export const apart = "process";

/** Labels that several processes may share, in the order in which they are offered. */
const sharedLabels = ["comm", "unit", "container", "pod", "workload", "namespace", "cgroup"];

/** What processes with these labels can be taken together by. */
export function groupings(names: readonly string[]): string[] {
  return sharedLabels.filter((name) => names.includes(name));
}

type Numbers = Record<string, number>;

function sum(a: Readonly<Numbers>, b: Readonly<Numbers>): Numbers {
  const names = Object.keys(b);
  return Object.fromEntries(names.map((name) => [name, (a[name] ?? 0) + (b[name] ?? 0)]));
}

/** Takes processes together. A group keeps its id, which is that of no process, as long as it is there. */
export class Grouping {
  #ids: ReadonlyMap<string, number> = new Map();
  #lastId = 0;

  by(label: string, processes: readonly RatedProcess[]): readonly RatedProcess[] {
    if (label === apart) {
      return processes;
    }
    const groups = new Map<string, { rated: RatedProcess; size: number }>();
    const ids = new Map<string, number>();
    for (const process of processes) {
      const name = process.row.labels[label] ?? "";
      const group = groups.get(name);
      const key = `${label} ${name}`;
      const id = ids.get(key) ?? this.#ids.get(key) ?? --this.#lastId;
      ids.set(key, id);
      const rated =
        group === undefined
          ? { row: { ...process.row, id }, rates: process.rates }
          : {
              row: { ...group.rated.row, totals: sum(group.rated.row.totals, process.row.totals) },
              rates: sum(group.rated.rates, process.rates),
            };
      groups.set(name, { rated, size: (group?.size ?? 0) + 1 });
    }
    this.#ids = ids;
    return Array.from(groups, ([name, { rated, size }]) => ({
      row: { ...rated.row, labels: { [label]: name, processes: `${size}` } },
      rates: rated.rates,
    }));
  }
}
