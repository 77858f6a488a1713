/** lock: record locks by outcome, and how many are released. */
import {
  defineSignal,
  Dimension,
  errnoName,
  type FlagValues,
  inTrace,
  objectFile,
  processOwner,
  type Running,
  type SignalContext,
  toggle,
} from "ringtap/signal";
import { setImmediate as nextTurn } from "node:timers/promises";
import { LockEvent } from "./records.js";

const flags = {
  failuresOnly: inTrace(toggle("failures-only", "count and show only record locks that were refused")),
};

function outcomeOf(error: number): string {
  return error === 0 ? "ok" : errnoName(error);
}

function start({ metrics, identity, counters }: SignalContext): Running<LockEvent, typeof flags> {
  const result = new Dimension(["result"]);
  /** By errno: a record whose labels are known allocates nothing. */
  const results: number[] = [];
  const locks = metrics.counter({
    name: "record_locks_total",
    help: "Record locks asked for by fcntl, by outcome: ok or the errno.",
    subject: identity.subjects,
    detail: result,
  });
  const released = metrics.counter({
    name: "record_locks_released_total",
    help: "Record locks released by fcntl.",
    subject: identity.subjects,
  });
  const releases = counters("releases", { owner: processOwner(identity) });
  /** Releases that have been read from the map: they were never records. */
  let collected = 0;

  async function readReleases(): Promise<void> {
    const take = ([tgid = 0]: Uint32Array, [count = 0]: Float64Array): void => {
      released.add(identity.subject(identity.ofProcess(tgid)), 0, count);
      collected += count;
    };
    while (releases.readSome(take)) {
      await nextTurn();
    }
  }

  return {
    records(batch) {
      while (batch.next()) {
        const { record } = batch;
        const detail = (results[record.error] ??= result.intern(outcomeOf(record.error)));
        locks.add(identity.subject(identity.of(record)), detail, 1);
      }
    },
    collect: readReleases,
    maintain: readReleases,
    stats: () => ({
      collected,
      memoryAtLimit: releases.memoryAtLimit,
      mapEntries: [[releases.name, releases.size]],
    }),
  };
}

export default defineSignal({
  api: 1,
  name: "lock",
  summary: "record locks by outcome",
  object: objectFile(import.meta.url, "lock"),
  flags,
  ring: { record: LockEvent },
  setup: ({ failuresOnly }: FlagValues<typeof flags>) => ({ variables: { failures_only: failuresOnly ? 1 : 0 } }),
  start,
  trace: {
    types: { result: "string", shared: "boolean" },
    outcome: ["result"],
    failed: ({ error }) => error !== 0,
    columns: [
      { field: "result", heading: "RESULT", width: 12 },
      { field: "shared", heading: "SHARED", width: 0 },
    ],
    fields: ({ error, shared }) => ({ result: outcomeOf(error), shared: shared !== 0 }),
  },
  views: {
    columns: [
      {
        key: "locks",
        metric: "record_locks_total",
        unit: "count",
        heading: "LOCK/S",
        help: "record locks asked for, refused ones among them",
      },
      {
        key: "locks_refused",
        metric: "record_locks_total",
        except: { label: "result", value: "ok" },
        unit: "count",
        help: "record locks that were refused",
        isFailure: true,
      },
    ],
  },
});
