/** cgroup: control groups created and removed. Identity learns from its records where processes run. */
import {
  cgroupSources,
  defineSignal,
  keysOf,
  objectFile,
  type Running,
  type SignalContext,
  type TraceValue,
} from "ringtap/signal";
import { CgroupEvent, CgroupKind } from "./records.js";

const kinds = keysOf(CgroupKind);

/** From one scan of all groups to the next at most, milliseconds. */
const scanIntervalMs = 30_000;

function start(context: SignalContext): Running<CgroupEvent> {
  const { metrics, identity } = context;
  const { cgroups } = identity;
  const creates = metrics.counter({
    name: "ringtap_cgroup_creates_total",
    help: "Control groups created, by the comm of the process that created them.",
    subject: identity.comms,
  });
  const removes = metrics.counter({
    name: "ringtap_cgroup_removes_total",
    help: "Control groups removed, by the comm of the process that removed them.",
    subject: identity.comms,
  });
  const present = context.scan("cgroup_present", CgroupEvent);
  let lastScan = 0;

  /** Reads from the kernel which groups have processes, in turns: those from before the agent, and those that a full ring has lost. */
  async function scan(): Promise<void> {
    lastScan = performance.now();
    cgroups.beginScan();
    await present.run((event) => {
      cgroups.insert(event);
    });
    await cgroups.endScan();
  }

  return {
    records(batch) {
      const event = batch.record;
      while (batch.next()) {
        const comm = identity.comm(identity.of(event));
        if (event.kind === CgroupKind.remove) {
          cgroups.end(event.id);
          removes.add(comm, 0, 1);
          continue;
        }
        cgroups.insert(event);
        if (event.kind === CgroupKind.create) {
          creates.add(comm, 0, 1);
        }
      }
    },
    attached: scan,
    async maintain() {
      if (cgroups.needsScan || performance.now() - lastScan >= scanIntervalMs) {
        await scan();
      }
    },
    get maintainMayWait() {
      return !cgroups.needsScan;
    },
  };
}

function fields(event: CgroupEvent): Record<string, TraceValue> {
  return { event: kinds[event.kind], id: event.id, parent: event.parent, name: event.name };
}

export const cgroup = defineSignal({
  api: 1,
  name: "cgroup",
  summary: "control groups: created, removed",
  object: objectFile(import.meta.url, "cgroup"),
  provides: "cgroups",
  ring: { record: CgroupEvent },
  optional: {
    cgroup_remove: "removals",
    cgroup_renamed: "renames, until the next scan",
    cgroup_enter: "existing groups, until the next scan",
    cgroup_birth: "existing groups that processes are born into, until the next scan",
  },
  setup: (_flags, { mode, cgroups: { hierarchy, inRecords } }) => ({
    constants: { cgroup_source: cgroupSources[hierarchy] },
    without: mode === "trace" || !inRecords ? ["cgroup_enter", "cgroup_birth"] : [],
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
});
