/** Actors for tests: records of processes, and an identity that counts them. */
import { Identity, type IdentityOptions } from "../../src/identity/identity.js";
import type { ProcessRecord } from "../../src/identity/process-table.js";
import { Catalog } from "../../src/metrics/catalog.js";
import { endlessTurns } from "./counted-turns.js";

/** How long series stay at least, milliseconds. */
export const retentionMs = 30_000;

/** How long series stay after their container has gone, milliseconds. */
export const seriesRetentionMs = 3_600_000;

/** A record of a process under a name, as the kernel lays the comm out; made at `time`. */
export function record(tgid: number, comm: string, start = 1, cgroup = 0, time = start): ProcessRecord {
  const bytes = Buffer.alloc(16);
  bytes.write(comm);
  const words = [tgid, ...[0, 4, 8, 12].map((at) => bytes.readUInt32LE(at)), cgroup, 0];
  return {
    tgid,
    comm,
    cgroup,
    time,
    start,
    copyActor: (key) => {
      key.set(words);
    },
    isActor: (keys, from) => words.every((word, index) => word === keys[from + index]),
  };
}

/** An identity with one counter, and a clock that tests turn. */
export function setUp(
  labels: readonly string[] = ["pid", "comm"],
  options: IdentityOptions = {},
  seriesLimit?: number,
) {
  const clock = { now: 0 };
  const catalog = new Catalog({
    retentionMs,
    seriesRetentionMs,
    ...(seriesLimit === undefined ? {} : { seriesLimit }),
  });
  const identity = new Identity(catalog, labels, { now: () => clock.now, turns: endlessTurns(), ...options });
  const counter = catalog.counter({ name: "events_total", help: "Events.", subject: identity.subjects });
  const byComm = catalog.counter({ name: "by_comm_total", help: "Events.", subject: identity.comms });
  return {
    clock,
    identity,
    catalog,
    count: (event: ProcessRecord): void => {
      const actor = identity.of(event);
      counter.add(identity.subject(actor), 0, 1);
      byComm.add(identity.comm(actor), 0, 1);
    },
    /** The counter's series, by their label text. */
    series: (): Record<string, number> =>
      Object.fromEntries(
        Array.from({ length: counter.size }, (_, row) => [
          identity.subjects.text(counter.subjectAt(row)),
          counter.values[row] as number,
        ]),
      ),
    commSeries: () => byComm.size,
    scrape: (): void => {
      const render = catalog.renders.began();
      catalog.collect();
      catalog.renders.ended(render, true);
    },
  };
}
