/** file: opens by outcome, counted in the kernel; records for those who watch, with the path in `trace`. */
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
import { constants } from "node:fs";

import { startCounting } from "./counts.js";
import { flags } from "./flags.js";
import { FileEvent, OpenLine } from "./records.js";

/** Bytes of a record without its path: offsetof(struct file_event, path). */
const headSize = 72;

/** Overflow lines, one for each outcome, and the lines that are tried for a pair: OUTCOMES of bpf/file/open_counts.h, PROBES of counts.h. */
const outcomes = 4096;
const fewestLines = 16;

/** Records are for those who watch, and 72 bytes without the path: 3,000 of them. */
const watchedRingSize = 2 ** 18;

/** The two bits of the access mode. */
const accessModes = ["O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"];

/** The other flags by name, those of several bits first. Node lacks four (include/uapi/asm-generic/fcntl.h). */
const flagBits: readonly (readonly [string, number])[] = [
  ["O_TMPFILE", 0o20000000 | constants.O_DIRECTORY],
  ["O_SYNC", constants.O_SYNC],
  ["O_DSYNC", constants.O_DSYNC],
  ["O_CREAT", constants.O_CREAT],
  ["O_EXCL", constants.O_EXCL],
  ["O_NOCTTY", constants.O_NOCTTY],
  ["O_TRUNC", constants.O_TRUNC],
  ["O_APPEND", constants.O_APPEND],
  ["O_NONBLOCK", constants.O_NONBLOCK],
  ["O_DIRECT", constants.O_DIRECT],
  ["O_LARGEFILE", process.arch === "arm64" ? 0o400000 : 0o100000],
  ["O_DIRECTORY", constants.O_DIRECTORY],
  ["O_NOFOLLOW", constants.O_NOFOLLOW],
  ["O_NOATIME", constants.O_NOATIME],
  ["O_CLOEXEC", 0o2000000],
  ["O_PATH", 0o10000000],
];

/** `O_WRONLY|O_CREAT|O_TRUNC`; bits without a name follow as one hexadecimal number. */
export function openFlagsText(flags: number): string {
  const low = flags % 2 ** 32;
  const parts = [accessModes[low & 3]];
  let rest = (low & ~3) >>> 0;
  for (const [name, bits] of flagBits) {
    if ((rest & bits) === bits) {
      parts.push(name);
      rest = (rest & ~bits) >>> 0;
    }
  }
  const unnamed = flags - low + rest;
  return [...parts, ...(unnamed === 0 ? [] : [`0x${unnamed.toString(16)}`])].join("|");
}

function setup({ countsLimit }: FlagValues<typeof flags>, { mode, watched }: SignalHost): Setup {
  const variables = { failures_wanted: watched === "none" ? 0 : 1, successes_wanted: watched === "all" ? 1 : 0 };
  if (mode === "trace") {
    return { constants: { with_path: 1, counting: 0 }, variables, without: ["opens", "lines"] };
  }
  const lines = 2 ** log2Ceil(Math.max(countsLimit, fewestLines));
  return {
    constants: { with_path: 0, open_lines: lines },
    variables,
    sizes: { opens: lines + outcomes, lines: lines + outcomes },
    ringSize: watchedRingSize,
  };
}

function fields(event: FileEvent): Record<string, TraceValue> {
  return {
    result: event.error === 0 ? "ok" : errnoName(event.error),
    flags: openFlagsText(event.flags),
    path: event.path,
    path_truncated: event.pathTruncated !== 0 ? true : undefined,
  };
}

export const file = defineSignal({
  api: 1,
  name: "file",
  summary: "file opens by outcome, with the path in trace",
  object: objectFile(import.meta.url, "file"),
  syscalls: ["open", "creat", "openat", "openat2"],
  hooks: [
    { name: "fexit", without: ["file_sys_exit"], compat: ["fexit/__ia32_", "fexit/__arm64_compat_"] },
    { name: "tp_btf", without: ["fexit/"] },
  ],
  flags,
  ring: { record: FileEvent, shortest: headSize },
  records: [OpenLine],
  setup,
  start: (context) => (context.host.mode === "trace" ? {} : startCounting(context)),
  trace: {
    types: { result: "string", flags: "string", path: "string", path_truncated: "boolean" },
    outcome: ["result"],
    failed: ({ error }) => error !== 0,
    columns: [
      { field: "result", heading: "RESULT", width: 12 },
      { field: "flags", heading: "FLAGS", width: 28 },
      { field: "path", heading: "PATH", width: 0 },
    ],
    fields,
  },
  views: {
    position: 20,
    isFrequent: true,
    columns: [
      {
        key: "file_opens",
        sort: "opens",
        metric: "ringtap_file_opens_total",
        unit: "count",
        heading: "OPEN",
        help: "files opened, failures among them",
      },
      {
        key: "file_open_failures",
        metric: "ringtap_file_opens_total",
        except: { label: "result", value: "ok" },
        unit: "count",
        heading: "MISS",
        isDetail: true,
        help: "file opens that failed",
        isFailure: true,
      },
    ],
  },
});
