/** block: requests to disks by who issued them, disk and operation, counted in the kernel; records of slow ones for those who watch. */
import {
  defineSignal,
  errnoName,
  type FlagValues,
  log2Ceil,
  objectFile,
  type Setup,
  type SignalHost,
  type TraceValue,
} from "ringtap/signal";

import { startCounting } from "./counts.js";
import { flags } from "./flags.js";
import { BlockEvent, BlockLine } from "./records.js";
import { errorName, operations, origins } from "./words.js";

/** The lines that are tried for a key: PROBES of bpf/include/ringtap/counts.h; and OVERFLOW_LINES of bpf/block/request_counts.h. */
const fewestLines = 16;
const overflowLines = 8;

/** Records are for those who watch, 136 bytes each: 1,900 of them. */
const watchedRingSize = 2 ** 18;

function setup(values: FlagValues<typeof flags>, { mode, watched }: SignalHost): Setup {
  const { slow, countsLimit, requestsLimit } = values;
  const slots = 2 ** log2Ceil(requestsLimit);
  const common = {
    variables: {
      slow_ns: slow,
      failures_wanted: watched === "none" ? 0 : 1,
      successes_wanted: watched === "all" ? 1 : 0,
    },
    ringSize: watchedRingSize,
  };
  if (mode === "trace") {
    return {
      ...common,
      constants: { counting: 0, issuer_slots: slots },
      sizes: { issuers: slots },
      without: ["requests", "request_keys"],
    };
  }
  const lines = 2 ** log2Ceil(Math.max(countsLimit, fewestLines));
  const all = lines + overflowLines;
  return {
    ...common,
    constants: { issuer_slots: slots, request_lines: lines },
    sizes: { issuers: slots, requests: all, request_keys: all },
  };
}

function fields(event: BlockEvent): Record<string, TraceValue> {
  const { duration, served } = event;
  const isTimed = served > 0;
  return {
    device: event.disk,
    operation: operations[event.operation],
    origin: origins[event.origin],
    error: event.error === 0 ? undefined : errorName(event.error, errnoName),
    bytes: event.bytes,
    sector: event.sector,
    duration_seconds: duration / 1e9,
    queue_seconds: isTimed ? (duration - served) / 1e9 : undefined,
    device_seconds: isTimed ? served / 1e9 : undefined,
  };
}

export const block = defineSignal({
  api: 1,
  name: "block",
  summary: "requests to disks: duration in queue and device, bytes, errors",
  object: objectFile(import.meta.url, "block"),
  optIn: true,
  flags,
  ring: { record: BlockEvent },
  records: [BlockLine],
  optional: { block_start: "the process that issued a request" },
  setup,
  start: (context) => (context.host.mode === "trace" ? {} : startCounting(context)),
  trace: {
    types: {
      device: "string",
      operation: operations,
      origin: origins,
      error: "string",
      bytes: "integer",
      sector: "integer",
      duration_seconds: "number",
      queue_seconds: "number",
      device_seconds: "number",
    },
    aliases: { duration: "duration_seconds", disk: "device" },
    outcome: ["device", "operation", "error"],
    failed: ({ error }) => error !== 0,
    columns: [
      { field: "device", heading: "DEVICE", width: 10 },
      { field: "operation", heading: "OPERATION", width: 12 },
      { field: "origin", heading: "ORIGIN", width: 9 },
      { field: "bytes", heading: "BYTES", width: 9 },
      { field: "duration_seconds", heading: "DURATION", width: 10 },
      { field: "device_seconds", heading: "DEVICE", width: 10 },
      { field: "error", heading: "ERROR", width: 0 },
    ],
    fields,
  },
  views: {
    position: 50,
    columns: [
      {
        key: "block_bytes",
        sort: "disk",
        metric: "ringtap_block_bytes_total",
        unit: "bytes",
        heading: "DISK",
        help: "bytes read from disks and written to them",
      },
      {
        key: "block_seconds",
        sort: "diskwait",
        metric: "ringtap_block_request_seconds",
        unit: "seconds",
        heading: "IOWAIT",
        isDetail: true,
        help: "time that requests to disks took, added up",
      },
      {
        key: "block_errors",
        metric: "ringtap_block_errors_total",
        unit: "count",
        heading: "IOERR",
        isDetail: true,
        help: "requests to disks that failed",
        isFailure: true,
      },
    ],
    latencies: [
      { key: "disk_queue", title: "Waiting for a disk", metric: "ringtap_block_queue_seconds" },
      { key: "disk_device", title: "Disks at work", metric: "ringtap_block_device_seconds" },
    ],
    headline: [{ title: "waiting for disks", column: "block_seconds" }],
  },
});
