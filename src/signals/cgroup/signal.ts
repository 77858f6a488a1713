/** cgroup: control groups created and removed. Identity learns from its records where processes run. */
import { CgroupEvent, CgroupKind } from "./records.js";
import { cgroupSources } from "../../host/cgroup-hierarchy.js";
import { keysOf } from "../../sdk/enum-names.js";
import { readRecordsInTurns } from "../../sdk/reading.js";
import type { Handlers, Signal, SignalContext, TraceValue } from "../../sdk/signal.js";

const kinds = keysOf(CgroupKind);

/** From one scan of all groups to the next at most, milliseconds. */
const scanIntervalMs = 30_000;

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
  let lastScan = 0;
  let scanning: Promise<void> | undefined;

  /** Reads from the kernel which groups have processes, in turns: those from before the agent, and those that a full ring has lost. */
  async function scan(): Promise<void> {
    lastScan = performance.now();
    cgroups.beginScan();
    await readRecordsInTurns(present, CgroupEvent.size, seen, (event) => {
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
    attached() {
      scanning = scan();
      // What it throws is thrown to those who wait for it below.
      scanning.catch(() => undefined);
    },
    collect: () => scanning,
    async relieve() {
      const first = scanning;
      scanning = undefined;
      await first;
      if (cgroups.needsScan || performance.now() - lastScan >= scanIntervalMs) {
        await scan();
      }
    },
  };
}

function fields(event: CgroupEvent): Record<string, TraceValue> {
  return { event: kinds[event.kind], id: event.id, parent: event.parent, name: event.name };
}

export const cgroup: Signal<CgroupEvent> = {
  name: "cgroup",
  summary: "control groups: created, removed",
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
