/** Which of the records come out, and how many. */
import type { EventRecord } from "../signals/signal.js";
import type { TraceOptions } from "./trace-options.js";
import type { LineOutput } from "./trace-output.js";

/** What becomes of a record. */
export interface Printer {
  /** Prints it, if it is wanted and has room. */
  readonly print: (record: EventRecord) => void;
  /** Resolves when `--count` records are printed. */
  readonly enough: Promise<void>;
}

/** Which records `--pid` and `--comm` leave; most signals do not filter in the kernel. */
function filter({ pids, comms }: FilterOptions): (record: EventRecord) => boolean {
  const wantedPids = new Set(pids);
  const wantedComms = new Set(comms);
  return (record) =>
    (wantedPids.size === 0 || wantedPids.has(record.tgid)) && (wantedComms.size === 0 || wantedComms.has(record.comm));
}

type FilterOptions = Pick<TraceOptions, "pids" | "comms">;

/** Makes a printer that writes a record as `line` says. */
export function createPrinter(
  options: FilterOptions & Pick<TraceOptions, "count">,
  output: LineOutput,
  line: (record: EventRecord) => string,
): Printer {
  const { count = Infinity } = options;
  const isWanted = filter(options);
  let printed = 0;
  let finish: () => void = () => undefined;
  const enough = new Promise<void>((resolve) => {
    finish = resolve;
  });
  return {
    enough,
    print(record) {
      if (printed >= count || !isWanted(record) || !output.hasRoom()) {
        return;
      }
      output.line(line(record));
      printed++;
      if (printed === count) {
        finish();
      }
    },
  };
}
