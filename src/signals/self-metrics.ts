/** What the agent tells about its own signals: whether they run, and that nothing is lost uncounted. */
import type { Catalog } from "../metrics/catalog.js";
import { Dimension } from "../metrics/dimension.js";
import { dropReasons, type RunningSignal } from "./running.js";

/** A signal that was asked for, and how it fared. */
export interface SignalStatus {
  readonly name: string;
  /** Absent when it could not be loaded or attached. */
  readonly running?: RunningSignal;
}

/** Declares the metrics; the returned function brings them up to date. */
export function declareSelfMetrics(catalog: Catalog, statuses: readonly SignalStatus[]): () => void {
  const signal = new Dimension(["signal"]);
  const hook = new Dimension(["hook"]);
  const reason = new Dimension(["reason"]);
  const bounded = true;
  const up = catalog.gauge({
    name: "ringtap_signal_up",
    help: "1 when the signal is loaded and attached, else 0.",
    subject: signal,
    bounded,
  });
  const info = catalog.gauge({
    name: "ringtap_signal_info",
    help: "How the signal is hooked into the kernel.",
    subject: signal,
    detail: hook,
    bounded,
  });
  const produced = catalog.counter({
    name: "ringtap_events_produced_total",
    help: "Events that the signal's programs had to deliver; equals consumed plus dropped once rings are drained.",
    subject: signal,
    bounded,
  });
  const consumed = catalog.counter({
    name: "ringtap_events_consumed_total",
    help: "Events that were counted into metrics.",
    subject: signal,
    bounded,
  });
  const dropped = catalog.counter({
    name: "ringtap_events_dropped_total",
    help: "Events that were lost, by reason.",
    subject: signal,
    detail: reason,
    bounded,
  });
  const ringSize = catalog.gauge({
    name: "ringtap_ring_size_bytes",
    help: "Size of the signal's ring buffer.",
    subject: signal,
    bounded,
  });
  const ringUsed = catalog.gauge({
    name: "ringtap_ring_used_bytes",
    help: "Bytes that wait in the signal's ring buffer.",
    subject: signal,
    bounded,
  });

  return () => {
    for (const { name, running } of statuses) {
      const id = signal.intern(name);
      up.set(id, 0, running === undefined ? 0 : 1);
      if (running === undefined) {
        continue;
      }
      const books = running.books();
      info.set(id, hook.intern(running.loaded.hook.name), 1);
      produced.set(id, 0, books.produced);
      consumed.set(id, 0, books.consumed);
      for (const key of dropReasons) {
        dropped.set(id, reason.intern(key), books.dropped[key]);
      }
      ringSize.set(id, 0, running.ring.size);
      ringUsed.set(id, 0, running.ring.used());
    }
  };
}
