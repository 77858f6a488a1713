/** Throttling and pressure of control groups: see bpf/sched/groups.h. */
import { Dimension, GroupCounters, type SignalContext, type ValueTable } from "ringtap/signal";

import { SchedGroup } from "./records.js";

const nanoseconds = 1e9;

/** Declares the metrics. Returns what reads them. */
export function startGroups(context: SignalContext) {
  const { metrics, identity } = context;
  const subject = identity.subjects;
  const share = new Dimension(["share"]);
  const counter = (name: string, help: string, detail?: Dimension): ValueTable =>
    metrics.counter({ name, help, subject, detail });
  const pressure = counter(
    "ringtap_sched_pressure_seconds_total",
    "Time in which threads of a control group waited for a CPU: some of them, or all that were not asleep (full).",
    share,
  );
  const groups = new GroupCounters<SchedGroup>(identity, [
    {
      table: counter("ringtap_sched_limit_periods_total", "Periods of a control group's CPU limit that have passed."),
      read: ({ periods }) => periods,
    },
    {
      table: counter(
        "ringtap_sched_throttled_periods_total",
        "Periods of a control group's CPU limit in which the group had used it up.",
      ),
      read: ({ throttledPeriods }) => throttledPeriods,
    },
    {
      table: counter(
        "ringtap_sched_throttled_seconds_total",
        "Time that a control group was kept from the CPUs because it had used up its limit, added up over CPUs.",
      ),
      unit: nanoseconds,
      read: ({ throttled }) => throttled,
    },
    { table: pressure, detail: share.intern("some"), unit: nanoseconds, read: ({ some }) => some },
    { table: pressure, detail: share.intern("full"), unit: nanoseconds, read: ({ full }) => full },
  ]);
  const present = context.scan("sched_groups", SchedGroup);
  return { memoryAtLimit: groups.memoryAtLimit, read: () => groups.read(present) };
}
