/** What the agent tells about its own signals: whether they run, and that nothing is lost uncounted. */
import type { ProgramStats } from "../binding/native.js";
import { Dispatcher } from "./dispatch/dispatcher.js";
import type { Catalog } from "../metrics/catalog.js";
import { Dimension } from "../metrics/dimension.js";
import type { ValueTable } from "../metrics/value-table.js";
import type { Overhead } from "./overhead/overhead.js";
import { phases } from "./guard.js";
import { dropReasons, type SignalStatus } from "./running.js";
import { runningOf } from "./signal-set.js";

/**
 * What the kernel knows of every program. It counts the runs that it left out in any case, the others only while statistics are enabled
 * for it (BPF_ENABLE_STATS): `withRuns`.
 */
export function declareProgramStats(
  catalog: Catalog,
  statuses: readonly SignalStatus[],
  withRuns: boolean,
): () => void {
  const program = new Dimension(["program"]);
  const declare = (name: string, help: string): ValueTable =>
    catalog.counter({ name, help, subject: program, bounded: true });
  const misses = declare(
    "ringtap_bpf_program_misses_total",
    "Runs of the BPF program that the kernel skipped because the program was already running on that CPU.",
  );
  const runs = withRuns ? declare("ringtap_bpf_program_runs_total", "Runs of the BPF program.") : undefined;
  const seconds = withRuns
    ? declare("ringtap_bpf_program_seconds_total", "Time spent running the BPF program.")
    : undefined;
  const set = (name: string, stats: ProgramStats): void => {
    const id = program.intern(name);
    misses.set(id, 0, stats.misses);
    runs?.set(id, 0, stats.runs);
    seconds?.set(id, 0, stats.nanoseconds / 1e9);
  };
  return () => {
    for (const { loaded } of runningOf(statuses)) {
      for (const name of loaded.attachable) {
        set(name, loaded.handlers.stats(name));
      }
    }
    for (const [name, stats] of Dispatcher.current?.programStats() ?? []) {
      set(name, stats);
    }
  };
}

/** Declares the metrics; the returned function brings them up to date. */
export function declareSelfMetrics(catalog: Catalog, statuses: readonly SignalStatus[]): () => void {
  const signal = new Dimension(["signal"]);
  const hook = new Dimension(["hook", "without"]);
  const reason = new Dimension(["reason"]);
  const phase = new Dimension(["phase"]);
  const map = new Dimension(["map"]);
  const counter = (name: string, help: string, detail?: Dimension): ValueTable =>
    catalog.counter({ name, help, subject: signal, detail, bounded: true });
  const gauge = (name: string, help: string, subject = signal, detail?: Dimension): ValueTable =>
    catalog.gauge({ name, help, subject, detail, bounded: true });
  const up = gauge("ringtap_signal_up", "1 if the signal is loaded and attached, else 0.");
  const info = gauge(
    "ringtap_signal_info",
    "Always 1; the labels are how the signal is hooked into the kernel, and what it cannot capture on this kernel.",
    signal,
    hook,
  );
  const produced = counter(
    "ringtap_events_produced_total",
    "Events that the signal's BPF programs had to deliver; equals consumed plus dropped once the rings are drained.",
  );
  const consumed = counter("ringtap_events_consumed_total", "Events that were counted into metrics.");
  const dropped = counter("ringtap_events_dropped_total", "Events that were lost, by reason.", reason);
  const errors = counter(
    "ringtap_signal_errors_total",
    "Calls into the signal that have failed, by the phase of the interface that was called.",
    phase,
  );
  const collectSeconds = gauge(
    "ringtap_signal_collect_seconds",
    "Time that the signal took to collect its numbers before the last scrape.",
  );
  const ringSize = gauge("ringtap_ring_size_bytes", "Size of the signal's ring buffer.");
  const ringUsed = gauge("ringtap_ring_used_bytes", "Bytes waiting in the signal's ring buffer.");
  const mapEntries = gauge("ringtap_map_entries", "Entries in a kernel map that grows with use.", map);
  const mapCapacity = gauge("ringtap_map_capacity", "Entries that the kernel map can hold.", map);

  return () => {
    for (const { name, running } of statuses) {
      const id = signal.intern(name);
      up.set(id, 0, running === undefined ? 0 : 1);
      if (running === undefined) {
        continue;
      }
      const stats = running.stats();
      const counts = running.eventCounts(stats);
      const { loaded } = running;
      info.set(id, hook.intern(loaded.hook.name, loaded.lost.map(({ detail }) => detail).join(", ")), 1);
      produced.set(id, 0, counts.produced);
      consumed.set(id, 0, counts.consumed);
      for (const key of dropReasons) {
        dropped.set(id, reason.intern(key), counts.dropped[key]);
      }
      collectSeconds.set(id, 0, running.collectSeconds);
      if (running.ring !== undefined) {
        ringSize.set(id, 0, running.ring.size);
        ringUsed.set(id, 0, running.ring.used());
      }
      for (const fill of running.mapFill(stats)) {
        const mapId = map.intern(`${name}_${fill.map}`);
        mapEntries.set(mapId, 0, fill.entries);
        mapCapacity.set(mapId, 0, fill.capacity);
      }
      // Last, because reading the statistics of a signal can fail as well.
      for (const key of phases) {
        errors.set(id, phase.intern(key), running.errors[key]);
      }
    }
  };
}

/** What ringtap costs, by signal, and of the agent itself; the returned function brings it up to date. */
export function declareOverhead(catalog: Catalog, statuses: readonly SignalStatus[], overhead: Overhead): () => void {
  const subject = new Dimension(["signal"]);
  const seconds = catalog.counter({
    name: "ringtap_overhead_seconds_total",
    help: "What ringtap costs: the time that the signal's BPF programs ran, estimated from a sample of 1 %; ~agent: the agent's CPU time.",
    subject,
    bounded: true,
  });
  return () => {
    for (const { name } of statuses) {
      const ran = overhead.secondsOf(name);
      if (ran !== undefined) {
        seconds.set(subject.intern(name), 0, ran);
      }
    }
    const { user, system } = process.cpuUsage();
    seconds.set(subject.intern("~agent"), 0, (user + system) / 1e6);
  };
}
