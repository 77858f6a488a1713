/** memory: processes killed because memory is out, waits for memory; events and pressure by control group. */
import {
  defineSignal,
  Dimension,
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
import { readFileSync } from "node:fs";

import { flags } from "./flags.js";
import { startGroups } from "./groups.js";
import { startPageCache } from "./page-cache.js";
import { MemoryEvent, MemoryEventKind, MemoryGroup, OomScope, PageLine, StallLine } from "./records.js";
import { stallKinds, startStalls } from "./stalls.js";

const kinds = keysOf(MemoryEventKind);
const scopes = keysOf(OomScope);

/** The lines that are tried for a pair: PROBES of bpf/include/ringtap/counts.h; and STALL_KINDS of bpf/memory/stalls.h. */
const fewestLines = 16;
const overflowLines = stallKinds.length;

/** Kills, which are rare, and stalls for those who watch. */
const ringSize = 2 ** 18;

/** AT_PAGESZ of getauxval(3). */
const pageSizeType = 6n;

let known: number | undefined;

/** Bytes of a page of this machine's; not read before it is asked for, since /proc may be missing. */
function pageBytes(): number {
  known ??= readPageBytes();
  return known;
}

function readPageBytes(): number {
  const { buffer, byteOffset, byteLength } = readFileSync("/proc/self/auxv");
  const words = new BigUint64Array(buffer.slice(byteOffset, byteOffset + byteLength));
  const at = words.findIndex((type, index) => index % 2 === 0 && type === pageSizeType);
  return Number(words[at + 1] ?? 4096n);
}

/** What counts pages of the page cache. */
const ofPages = ["memory_page_added", "memory_page_removed", "pages", "page_keys"];

function setup(values: FlagValues<typeof flags>, { mode, watched }: SignalHost): Setup {
  const { minStall, pageCache, countsLimit } = values;
  const variables = { min_stall_ns: minStall, stalls_wanted: watched === "all" ? 1 : 0 };
  if (mode === "trace") {
    return { constants: { counting: 0 }, variables, without: ["stalls", "lines", ...ofPages] };
  }
  const lines = 2 ** log2Ceil(Math.max(countsLimit, fewestLines));
  const stalls = lines + overflowLines;
  const pages = lines + 1;
  return {
    constants: { stall_lines: lines, page_lines: lines },
    variables,
    sizes: { stalls, lines: stalls, pages, page_keys: pages },
    without: pageCache ? [] : ofPages,
    ringSize,
  };
}

function start(context: SignalContext): Running<MemoryEvent> {
  if (context.host.mode === "trace") {
    return {};
  }
  const { metrics, identity } = context;
  const scope = new Dimension(["scope"]);
  const scopeIds = scopes.map((name) => scope.intern(name));
  const kills = metrics.counter({
    name: "ringtap_memory_oom_kills_total",
    help: "Processes killed because memory was out: that of the machine, or of their control group.",
    subject: identity.subjects,
    detail: scope,
  });
  const stalls = startStalls(context);
  const groups = context.isLoaded("memory_groups") ? startGroups(context) : undefined;
  const pages = context.isLoaded("memory_page_added") ? startPageCache(context, pageBytes()) : undefined;
  const counted = [stalls, ...(pages === undefined ? [] : [pages])];

  async function read(): Promise<void> {
    for (const each of counted) {
      await each.read();
    }
  }

  return {
    records(batch) {
      const event = batch.record;
      while (batch.next()) {
        if (event.kind === MemoryEventKind.oom_kill) {
          kills.add(identity.subject(identity.of(event)), scopeIds[event.scope] ?? 0, 1);
        }
      }
    },
    attached: () => groups?.read(),
    async collect() {
      await read();
      await groups?.read();
    },
    maintain: read,
    maintainMayWait: true,
    stats: () => ({
      collected: counted.reduce((total, { collected }) => total + collected, 0),
      memoryAtLimit: counted.reduce(
        (total, { counters }) => total + counters.memoryAtLimit,
        groups?.memoryAtLimit ?? 0,
      ),
      mapEntries: counted.map(({ counters }) => [counters.name, counters.size]),
    }),
  };
}

function fields(event: MemoryEvent): Record<string, TraceValue> {
  const isStall = event.kind === MemoryEventKind.stall;
  return {
    event: kinds[event.kind],
    scope: isStall ? undefined : scopes[event.scope],
    kind: isStall ? stallKinds[event.stall] : undefined,
    duration_seconds: isStall ? event.duration / 1e9 : undefined,
    resident_bytes: isStall ? undefined : event.resident * pageBytes(),
    limit_bytes: isStall || event.limit === 0 ? undefined : event.limit * pageBytes(),
    score_adjustment: isStall ? undefined : event.scoreAdjustment,
    trigger_tid: isStall ? undefined : event.triggerTid,
    trigger_comm: isStall ? undefined : event.triggerComm,
  };
}

export const memory = defineSignal({
  api: 1,
  name: "memory",
  summary: "processes killed for want of memory, waits for memory; events and pressure of control groups",
  object: objectFile(import.meta.url, "memory"),
  optIn: true,
  flags,
  ring: { record: MemoryEvent },
  records: [StallLine, PageLine, MemoryGroup],
  optional: {
    memory_kill: "processes killed for want of memory",
    memory_memcg_begin: "waits for memory of a control group at its limit",
    memory_memcg_end: "waits for memory of a control group at its limit",
    memory_page_added: "pages of the page cache",
    memory_page_removed: "pages of the page cache that go",
    memory_groups: "events and pressure of control groups",
  },
  setup,
  start,
  trace: {
    types: {
      event: kinds,
      scope: scopes,
      kind: stallKinds,
      duration_seconds: "number",
      resident_bytes: "integer",
      limit_bytes: "integer",
      score_adjustment: "integer",
      trigger_tid: "integer",
      trigger_comm: "string",
    },
    outcome: ["event", "scope", "kind"],
    failed: ({ kind }) => kind === MemoryEventKind.oom_kill,
    columns: [
      { field: "event", heading: "EVENT", width: 8 },
      { field: "scope", heading: "SCOPE", width: 7 },
      { field: "kind", heading: "KIND", width: 6 },
      { field: "duration_seconds", heading: "DURATION", width: 10 },
      { field: "resident_bytes", heading: "RESIDENT", width: 12 },
      { field: "limit_bytes", heading: "LIMIT", width: 12 },
      { field: "trigger_comm", heading: "TRIGGER", width: 0 },
    ],
    fields,
  },
  views: {
    position: 18,
    columns: [
      {
        key: "oom_kills",
        metric: "ringtap_memory_oom_kills_total",
        unit: "count",
        help: "killed for want of memory",
        isFailure: true,
      },
      {
        key: "reclaim_seconds",
        metric: "ringtap_memory_reclaim_stall_seconds",
        unit: "seconds",
        heading: "RECLAIM",
        isDetail: true,
        help: "time that threads waited for memory",
      },
    ],
    latencies: [{ key: "reclaim", title: "Waiting for memory", metric: "ringtap_memory_reclaim_stall_seconds" }],
    headline: [{ title: "waiting for memory", column: "reclaim_seconds" }],
  },
});
