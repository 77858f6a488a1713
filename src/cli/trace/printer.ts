/** Which of the records come out, and how many. */
import { type EventRecord, hasActor } from "../../sdk/signal.js";
import type { TraceableSignal } from "../../views/trace-event.js";
import type { Fields, TracedEvent } from "./fields.js";
import type { TraceOptions } from "./options.js";
import type { LineOutput } from "./output.js";
import { isSlow, sampler } from "./sampling.js";
import { type Fate, TraceSummary } from "./summary.js";

/** What becomes of a record. */
export interface Printer {
  /** Prints it if the filters let it through and the output accepts it. */
  readonly print: (record: EventRecord) => void;
  /** Resolves when `--count` records are printed. */
  readonly enough: Promise<void>;
  /** What the filters let through, printed or not. */
  readonly summary: TraceSummary;
}

/** What a printer is made of. */
export interface Printing {
  readonly signal: TraceableSignal;
  readonly output: LineOutput;
  /** The fields of a record. */
  readonly read: (record: EventRecord) => Fields;
  /** Whether `--where` lets an event through. */
  readonly where: (fields: Fields) => boolean;
  /** The line of an event, newline included. */
  readonly line: (event: TracedEvent) => string;
}

type PrinterOptions = Pick<TraceOptions, "pids" | "comms" | "count" | "sample" | "slow">;

/** Which records `--pid` and `--comm` leave; most signals do not filter in the kernel. */
function filter({ pids, comms }: PrinterOptions): (record: EventRecord) => boolean {
  const wantedPids = new Set(pids);
  const wantedComms = new Set(comms);
  return (record) =>
    hasActor(record)
      ? (wantedPids.size === 0 || wantedPids.has(record.tgid)) &&
        (wantedComms.size === 0 || wantedComms.has(record.comm))
      : wantedPids.size === 0 && wantedComms.size === 0;
}

/** Makes a printer of the events that `options` ask for. */
export function createPrinter(options: PrinterOptions, { signal, output, read, where, line }: Printing): Printer {
  const { count = Infinity, slow } = options;
  const isWanted = filter(options);
  const isShown = sampler(options);
  const summary = new TraceSummary(signal);
  let printed = 0;
  let finish: () => void = () => undefined;
  const enough = new Promise<void>((resolve) => {
    finish = resolve;
  });

  function show(event: TracedEvent): Fate {
    if (!isShown(event)) {
      return "sampled_out";
    }
    if (!output.hasRoom()) {
      return "dropped";
    }
    output.line(line(event));
    printed++;
    if (printed === count) {
      finish();
    }
    return "shown";
  }

  return {
    enough,
    summary,
    print(record) {
      if (printed >= count || !isWanted(record)) {
        return;
      }
      const fields = read(record);
      if (where(fields)) {
        const failed = signal.trace.failed?.(record) ?? false;
        const event = { record, fields, failed, slow: isSlow(fields.duration_seconds, slow) };
        summary.add(event, show(event));
      }
    },
  };
}
