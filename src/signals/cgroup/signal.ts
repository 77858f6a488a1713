/** cgroup: control groups made and removed. Its records also tell identity where processes run. */
import { CgroupEvent, CgroupKind } from "./records.js";
import { cgroupSources } from "../../host/cgroup-hierarchy.js";
import { keysOf } from "../../sdk/enum-names.js";
import { readRecords } from "../../sdk/reading.js";
import type { Handlers, Signal, SignalContext, TraceValue } from "../../sdk/signal.js";

const kinds = keysOf(CgroupKind);

/** How often the groups are counted over, milliseconds. */
const censusInterval = 30_000;

function start(context: SignalContext): Handlers<CgroupEvent> {
  const { catalog, identity } = context;
  const { cgroups } = identity;
  const creates = catalog.counter({
    name: "ringtap_cgroup_creates_total",
    help: "Control groups created, by the comm of the process that created them.",
    subject: identity.comms,
  });
  const removes = catalog.counter({
    name: "ringtap_cgroup_removes_total",
    help: "Control groups removed, by the comm of the process that removed them.",
    subject: identity.comms,
  });
  const present = context.iterator("cgroup_present");
  const seen = new CgroupEvent();
  let lastCensus = 0;

  /** Asks the kernel which groups have processes: those from before the agent, and those that a full ring has lost. */
  function takeCensus(): void {
    lastCensus = performance.now();
    readRecords(present, CgroupEvent.size, seen, (event) => {
      cgroups.exists(event);
    });
    cgroups.tidy();
  }

  return {
    records(batch) {
      const event = batch.record;
      while (batch.next()) {
        const comm = identity.comm(identity.of(event));
        if (event.kind === CgroupKind.remove) {
          cgroups.removed(event.id);
          removes.add(comm, 0, 1);
          continue;
        }
        cgroups.exists(event);
        if (event.kind === CgroupKind.create) {
          creates.add(comm, 0, 1);
        }
      }
    },
    attached: takeCensus,
    relieve() {
      if (cgroups.isAsking || performance.now() - lastCensus >= censusInterval) {
        takeCensus();
      }
    },
  };
}

function fields(event: CgroupEvent): Record<string, TraceValue> {
  return { event: kinds[event.kind], id: event.id, parent: event.parent, name: event.name };
}

export const cgroup: Signal<CgroupEvent> = {
  name: "cgroup",
  summary: "control groups: made, removed",
  record: CgroupEvent,
  hooks: [{ name: "tp_btf", without: [] }],
  optional: { cgroup_remove: "removals", cgroup_enter: "existing groups, until the next scan" },
  setup: ({ mode, cgroup: { hierarchy } }) => ({
    constants: { cgroup_source: cgroupSources[hierarchy] },
    without: mode === "trace" ? ["cgroup_enter"] : [],
    ringSize: 2 ** 18,
  }),
  start,
  trace: {
    types: { event: kinds, id: "integer", parent: "integer", name: "string" },
    outcome: ["event"],
    columns: [
      { field: "event", heading: "EVENT", width: 7 },
      { field: "id", heading: "ID", width: 10 },
      { field: "parent", heading: "PARENT", width: 10 },
      { field: "name", heading: "NAME", width: 0 },
    ],
    fields,
  },
};
