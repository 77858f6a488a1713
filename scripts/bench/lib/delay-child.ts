/**
 * A child process (see delay.ts): the agent without its web server, whose handler also notes how long records took from
 * their kernel time stamp to where they are counted. Begins to note at SIGUSR2; at SIGTERM prints the count of records noted, then
 * median, 99th percentile and most, in nanoseconds.
 *
 *     node dist/scripts/bench/lib/delay-child.js syscall|tcp EVERY
 *
 * One record in EVERY is timed: the clock costs more than the handler.
 */
import { once } from "node:events";

import { createLogger } from "../../../src/log/logger.js";
import { startAgent } from "../../../src/agent/start-agent.js";
import { native } from "../../../src/binding/native.js";
import { signals } from "../../../src/signals/index.js";
import { defaultFlags } from "../../../src/engine/load.js";
import type { FlagTable, FlagValues } from "../../../src/sdk/flags.js";
import type { AnySignal, Batch, EventRecord, Running, SignalContext } from "../../../src/sdk/signal.js";

const [name = "", every = "1"] = process.argv.slice(2);

/** Delays that are kept. */
const capacity = 4_000_000;
const delays = new Float64Array(capacity);
let noted = 0;
let noting = false;

/** Notes the delay of every so many of the records that it is called with. */
function noteEvery(interval: number): (record: EventRecord) => void {
  let left = interval;
  return (record) => {
    if (--left > 0) {
      return;
    }
    left = interval;
    if (noting && noted < capacity) {
      delays[noted++] = Number(native.monotonicNow()) - record.time;
    }
  };
}

/** A batch that calls `note` with each record when the handler asks for the next: it has counted that one. */
function notedBatch(batch: Batch<EventRecord>, note: (record: EventRecord) => void): Batch<EventRecord> {
  let begun = false;
  return {
    record: batch.record,
    next() {
      if (begun) {
        note(batch.record);
      }
      begun = true;
      return batch.next();
    },
  };
}

/** The signal with a handler that also times records. */
function timed(signal: AnySignal, interval: number): AnySignal {
  const note = noteEvery(interval);
  return {
    ...signal,
    start(context: SignalContext, flags: FlagValues<FlagTable>): Running {
      const handlers = signal.start(context, flags) as Running;
      return {
        ...handlers,
        records(batch: Batch<EventRecord>) {
          handlers.records?.(notedBatch(batch, note));
        },
      };
    },
  };
}

const agent = startAgent({
  signals: signals.map((signal) => (signal.name === name ? timed(signal, Number(every)) : signal)),
  wanted: [name],
  strict: true,
  flags: Object.fromEntries(
    signals.map((signal) => [
      signal.name,
      { ...defaultFlags(signal), ...(name === "syscall" ? { mode: "stream" } : {}) },
    ]),
  ),
  log: createLogger("info", "logfmt"),
});
process.on("SIGUSR2", () => {
  noting = true;
});
process.stdout.write("attached\n");

await once(process, "SIGTERM");
agent.close();
const sorted = delays.subarray(0, noted).sort();
const quantile = (share: number): number => sorted[Math.ceil(share * noted) - 1] ?? NaN;
process.stdout.write(`delays ${noted} ${quantile(0.5)} ${quantile(0.99)} ${quantile(1)}\n`);
