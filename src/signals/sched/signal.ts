/** sched: waits for a CPU, CPU time, context switches and page faults by process; throttling and pressure by control group. */
import {
  defineSignal,
  type FlagValues,
  keysOf,
  log2Ceil,
  objectFile,
  type Running,
  type Setup,
  type SignalContext,
  type SignalHost,
  type TraceValue,
} from "ringtap/signal";

import { flags } from "./flags.js";
import { startGroups } from "./groups.js";
import { Processes } from "./processes.js";
import { DelayLine, SchedEvent, SchedEventKind, SchedGroup, SchedThread } from "./records.js";
import { views } from "./views.js";

const kinds = keysOf(SchedEventKind);

/** offsetof(struct sched_event, start): a delay's record. */
const delaySize = 96;

/** The lines that are tried for an actor: PROBES of bpf/include/ringtap/counts.h. */
const fewestLines = 16;

/** Ends of processes, 160 bytes each, and delays for those who watch. */
const ringSize = 2 ** 19;

/** Does the record have what a process's end adds? One that says so may be cut. */
function isWholeEnd({ kind, length }: SchedEvent): boolean {
  return kind === SchedEventKind.exit && length >= SchedEvent.size;
}

function setup({ minDelay, countsLimit }: FlagValues<typeof flags>, { mode, watched }: SignalHost): Setup {
  const variables = { min_delay_ns: minDelay, delays_wanted: watched === "all" ? 1 : 0 };
  if (mode === "trace") {
    return { constants: { counting: 0 }, variables, without: ["delays", "lines"] };
  }
  const lines = 2 ** log2Ceil(Math.max(countsLimit, fewestLines));
  return {
    constants: { delay_lines: lines },
    variables,
    sizes: { delays: lines + 1, lines: lines + 1 },
    ringSize,
  };
}

function start(context: SignalContext): Running<SchedEvent> {
  if (context.host.mode === "trace") {
    return {};
  }
  const processes = new Processes(context);
  const groups = context.isLoaded("sched_groups") ? startGroups(context) : undefined;

  async function scan(): Promise<void> {
    await processes.read();
    await groups?.read();
  }

  return {
    records(batch) {
      const event = batch.record;
      while (batch.next()) {
        if (isWholeEnd(event)) {
          processes.end(event);
        }
      }
    },
    attached: scan,
    collect: scan,
    maintain: () => processes.maintain(),
    maintainMayWait: true,
    stats: () => ({
      collected: processes.collected,
      memoryAtLimit: processes.memoryAtLimit + (groups?.memoryAtLimit ?? 0),
      mapEntries: [processes.mapEntries],
    }),
  };
}

function fields(event: SchedEvent): Record<string, TraceValue> {
  const waited = event.kind === SchedEventKind.delay;
  return {
    event: kinds[event.kind],
    cpu: event.cpu,
    duration_seconds: waited ? event.delay / 1e9 : undefined,
    previous_tid: waited ? event.previousTid : undefined,
    previous_comm: waited ? event.previousComm : undefined,
    cpu_seconds: isWholeEnd(event) ? event.totals(0) / 1e9 : undefined,
  };
}

export const sched = defineSignal({
  api: 1,
  name: "sched",
  summary: "waits for a CPU, CPU time, context switches, page faults; throttling and pressure of control groups",
  object: objectFile(import.meta.url, "sched"),
  optIn: true,
  flags,
  ring: { record: SchedEvent, shortest: delaySize },
  records: [DelayLine, SchedThread, SchedGroup],
  optional: { sched_groups: "throttling and pressure of control groups" },
  setup,
  start,
  trace: {
    types: {
      event: kinds,
      cpu: "integer",
      duration_seconds: "number",
      previous_tid: "integer",
      previous_comm: "string",
      cpu_seconds: "number",
    },
    aliases: { delay: "duration_seconds" },
    outcome: ["event"],
    columns: [
      { field: "event", heading: "EVENT", width: 6 },
      { field: "cpu", heading: "CPU", width: 4 },
      { field: "duration_seconds", heading: "DELAY", width: 10 },
      { field: "previous_tid", heading: "PREVIOUS", width: 8 },
      { field: "previous_comm", heading: "COMM", width: 0 },
    ],
    fields,
  },
  views,
});
