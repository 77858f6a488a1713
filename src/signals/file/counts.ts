/** Opens that the kernel counts: what its map (bpf/file/open_counts.h) has grown by, as the metric. */
import {
  actorKeyAt,
  CountedActor,
  Dimension,
  errnoName,
  otherTgid,
  processOwner,
  readCounters,
  type Running,
  type SignalContext,
} from "ringtap/signal";

import type { FileEvent } from "./records.js";

/**
 * Opens count for the name and the control group that the process had when it made them. What has no process there, beyond the map's
 * capacity, belongs to `~other`.
 */
export function startCounting(context: SignalContext): Running<FileEvent> {
  const { metrics, identity } = context;
  const result = new Dimension(["result"]);
  /** By errno. */
  const results: number[] = [result.intern("ok")];
  const total = metrics.counter({
    name: "ringtap_file_opens_total",
    help: "Calls of open, creat, openat and openat2 that have returned, by outcome: ok or the errno.",
    subject: identity.subjects,
    detail: result,
  });
  const opens = context.counters("opens", { keys: "lines", owner: processOwner(identity, actorKeyAt.start) });
  const actor = new CountedActor();
  /** Opens that have been read and had no record: the account has the others. */
  let collected = 0;

  /** The key is a struct actor_key, the counts are those of struct open_line. */
  function take(key: Uint32Array, counts: Float64Array): void {
    const withoutRecord = counts[0] as number;
    const withRecord = counts[1] as number;
    const errno = key[actorKeyAt.number] as number;
    const detail = (results[errno] ??= result.intern(errnoName(errno)));
    const subject =
      key[actorKeyAt.tgid] === otherTgid ? identity.subjects.other : identity.subject(identity.of(actor.moveTo(key)));
    total.add(subject, detail, withoutRecord + withRecord);
    collected += withoutRecord;
  }

  const read = (): Promise<void> => readCounters(opens, take);
  return {
    collect: read,
    maintain: read,
    maintainMayWait: true,
    stats: () => ({
      collected,
      memoryAtLimit: opens.memoryAtLimit,
      mapEntries: [[opens.name, opens.size]],
    }),
  };
}
