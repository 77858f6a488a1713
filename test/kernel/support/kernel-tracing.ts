/** What the kernel's own tracing has of a tracepoint (Documentation/trace/ftrace.rst): a second count, by the kernel itself. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";

import type { Scope } from "./scope.js";

/** So much of what it writes is kept for each CPU, kB: tens of thousands of events. */
const bufferSize = 4096;

let made = 0;

/** Begins to trace an event, such as `vmscan/mm_vmscan_memcg_reclaim_begin`; what it returns counts those of a thread since then. */
export function traceKernel(scope: Scope, event: string): (tid: number) => number {
  const folder = `/sys/kernel/tracing/instances/ringtap-${process.pid}-${made++}`;
  mkdirSync(folder);
  scope.after(() => {
    writeFileSync(`${folder}/events/enable`, "0");
    rmdirSync(folder);
  });
  writeFileSync(`${folder}/buffer_size_kb`, String(bufferSize));
  writeFileSync(`${folder}/events/${event}/enable`, "1");
  return (tid) => {
    const text = readFileSync(`${folder}/trace`, "utf8");
    const [, kept, written] = /^# entries-in-buffer\/entries-written: (\d+)\/(\d+)/m.exec(text) ?? [];
    assert.equal(kept, written, "the kernel has written over events");
    return text.match(new RegExp(`^ *\\S.*-${tid} +\\[`, "gm"))?.length ?? 0;
  };
}
