/** Pages of the page cache that the kernel counts: what its map (bpf/memory/page_cache.h) has grown by, in bytes. */
import {
  actorKeyAt,
  CountedActor,
  Dimension,
  otherTgid,
  processOwner,
  readCounters,
  type SignalContext,
} from "ringtap/signal";

/** Declares the metric. Returns what reads it. `pageSize` is bytes. */
export function startPageCache(context: SignalContext, pageSize: number) {
  const { metrics, identity } = context;
  const change = new Dimension(["change"]);
  /** By the places of the counts in a line. */
  const details = ["added", "removed"].map((name) => change.intern(name));
  const table = metrics.counter({
    name: "ringtap_memory_page_cache_bytes_total",
    help: "Bytes that came into the page cache, since they were not in it, and went from it, by who was running then.",
    subject: identity.subjects,
    detail: change,
  });
  const counters = context.counters("pages", { keys: "page_keys", owner: processOwner(identity, actorKeyAt.start) });
  const actor = new CountedActor();
  let collected = 0;

  /** The key is a struct actor_key, the counts are those of struct page_line. */
  function take(key: Uint32Array, counts: Float64Array): void {
    const subject =
      key[actorKeyAt.tgid] === otherTgid ? identity.subjects.other : identity.subject(identity.of(actor.moveTo(key)));
    for (let index = 0; index < details.length; index++) {
      const pages = counts[index] as number;
      if (pages > 0) {
        table.add(subject, details[index] as number, pages * pageSize);
      }
      collected += pages;
    }
  }

  return {
    counters,
    /** Pages that have been read. */
    get collected() {
      return collected;
    },
    read: () => readCounters(counters, take),
  };
}
