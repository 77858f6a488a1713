/** `memory.events` and pressure of control groups: see bpf/memory/groups.h. */
import { Dimension, GroupCounters, type SignalContext } from "ringtap/signal";

import { MemoryGroup } from "./records.js";

/** Declares the metrics. Returns what reads them. */
export function startGroups(context: SignalContext) {
  const { metrics, identity } = context;
  const subject = identity.subjects;
  const event = new Dimension(["event"]);
  const share = new Dimension(["share"]);
  const events = metrics.counter({
    name: "ringtap_memory_group_events_total",
    help: "Events of a control group's memory.events: low, high, max, oom, oom_kill.",
    subject,
    detail: event,
  });
  const pressure = metrics.counter({
    name: "ringtap_memory_pressure_seconds_total",
    help: "Time in which threads of a control group waited for memory: some of them, or all that were not asleep (full).",
    subject,
    detail: share,
  });
  const counted = (name: "low" | "high" | "max" | "oom") => ({
    table: events,
    detail: event.intern(name),
    read: (record: MemoryGroup) => record[name],
  });
  const groups = new GroupCounters<MemoryGroup>(identity, [
    counted("low"),
    counted("high"),
    counted("max"),
    counted("oom"),
    { table: events, detail: event.intern("oom_kill"), read: ({ oomKill }) => oomKill },
    { table: pressure, detail: share.intern("some"), unit: 1e9, read: ({ some }) => some },
    { table: pressure, detail: share.intern("full"), unit: 1e9, read: ({ full }) => full },
  ]);
  const present = context.scan("memory_groups", MemoryGroup);
  return { memoryAtLimit: groups.memoryAtLimit, read: () => groups.read(present) };
}
