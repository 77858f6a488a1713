/** What `trace` says on stderr: what was lost meanwhile, and how it was altogether. */
import type { Logger } from "pino";

import type { RunningSignal } from "../../engine/running.js";
import { stderrLines } from "../../log/logger-stderr.js";
import type { TraceOptions } from "./options.js";
import type { LineOutput } from "./output.js";
import type { TraceSummary } from "./summary.js";

/** How often dropped lines are reported on stderr, milliseconds. */
const reportIntervalMs = 1000;

/** Reports once a second how many lines were dropped since the last report. */
export function reportDrops(output: LineOutput, log: Logger): NodeJS.Timeout {
  let reported = 0;
  return setInterval(() => {
    const lines = output.dropped - reported;
    if (lines > 0) {
      log.warn({ lines }, "dropped: the reader is too slow");
      reported += lines;
    }
  }, reportIntervalMs);
}

/** Reports all losses at the end, if there are any; `unwritten` are lines that the reader has not read. */
export function reportLosses(unwritten: number, running: RunningSignal, log: Logger): void {
  const { dropped } = running.eventCounts();
  const losses = { reader_too_slow: unwritten, ...dropped, trace_error: running.errors.trace };
  const found = Object.entries(losses).filter(([, events]) => events > 0);
  if (found.length > 0) {
    log.warn(Object.fromEntries(found), "events lost");
  }
  const runs = running.runsLeftOut();
  if (runs > 0) {
    log.warn(
      { runs },
      "events may be missing: the kernel left out runs of programs that were running on their CPU already",
    );
  }
}

/** Reports what the filters let through: a table for people, one line for the readers of a log in JSON. */
export function reportSummary(
  summary: TraceSummary,
  { logFormat, sample }: Pick<TraceOptions, "logFormat" | "sample">,
  log: Logger,
): void {
  const { shown, sampled_out, dropped } = summary.totals;
  if (!log.isLevelEnabled("info")) {
    return;
  }
  if (logFormat === "json") {
    log.info({ shown, sampled_out, outcomes: summary.outcomes() }, "summary");
    return;
  }
  const events = shown + sampled_out + dropped;
  const sampling = sample === 1 ? "" : `, ${sampled_out} left out by --sample ${sample}`;
  const lines = [`${events} events, ${shown} shown${sampling}`, ...(events === 0 ? [] : summary.table())];
  stderrLines(() => undefined).write(`${lines.join("\n")}\n`);
}
