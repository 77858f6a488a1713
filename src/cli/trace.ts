/** `ringtap trace`: live events of one signal, one a line. */
import { setTimeout } from "node:timers/promises";

import type { Command } from "commander";
import type { Logger } from "pino";

import { Identity } from "../identity/identity.js";
import { chooseHierarchy } from "../kernel/cgroup-hierarchy.js";
import { objectFolder } from "../kernel/installation.js";
import { dropCapabilities } from "../kernel/privileges.js";
import { requireKernel } from "../kernel/requirements.js";
import { Catalog } from "../metrics/catalog.js";
import { DrainSchedule } from "../signals/drain-schedule.js";
import { signals } from "../signals/index.js";
import { loadSignal } from "../signals/load.js";
import { RunningSignal } from "../signals/running.js";
import type { EventRecord, Signal, SignalOptions } from "../signals/signal.js";
import { askedToEnd } from "./ending.js";
import { UsageError } from "./errors.js";
import { createLogger } from "./logger.js";
import { quote } from "./logger-text.js";
import { suggestion } from "./options-suggest.js";
import { complainSparingly, warnOfRefusals } from "../agent/signal-set.js";
import { wallClock } from "../live/clock.js";
import { jsonLines } from "./trace-json.js";
import { addTraceFlags, readTraceOptions, type TraceOptions } from "./trace-options.js";
import { LineOutput } from "./trace-output.js";
import { createPrinter } from "./trace-printer.js";
import { traceTable } from "./trace-table.js";

/** How long records wait in the ring at the most, milliseconds. */
const pauses = { active: 20, idle: 20 };

/** A drain ends behind the batch that has this many records: writing lines takes long, and the user may want the end. */
const drainLimit = 10_000;

/** How often stderr tells of lines that found no room, milliseconds. */
const reportInterval = 1000;

/** What a slow reader gets, once the user has asked for the end, to take what waits for it, milliseconds. */
const lastGrace = 300;

const signalNames = signals.map(({ name }) => name);

function signalOptions({
  syscallMinDuration,
  syscallErrorsOnly,
  syscallNames,
  cgroupHierarchy,
  pids,
  comms,
}: TraceOptions): SignalOptions {
  return {
    mode: "trace",
    syscall: { mode: "stream", minDuration: syscallMinDuration, errorsOnly: syscallErrorsOnly, names: syscallNames },
    cgroup: { hierarchy: chooseHierarchy(cgroupHierarchy), inRecords: false },
    pids,
    comms,
  };
}

/** Loads the signal with `print` in place of its metrics. What it adopts at its start, it still adopts. */
function load(
  signal: Signal,
  options: TraceOptions,
  print: (record: EventRecord) => void,
  failed: (error: unknown) => void,
): RunningSignal {
  const forSignal = signalOptions(options);
  const loaded = loadSignal(signal, forSignal, { folder: objectFolder, ringSize: options.ringSize });
  const printing: Signal = {
    ...signal,
    start: (context, its) => ({
      ...signal.start(context, its),
      records(batch) {
        while (batch.next()) {
          print(batch.record);
        }
      },
    }),
  };
  const catalog = new Catalog();
  return new RunningSignal(printing, loaded, catalog, new Identity(catalog, []), forSignal, failed);
}

/** Tells once a second how many lines found no room since the last time. */
function reportDrops(output: LineOutput, log: Logger): NodeJS.Timeout {
  let reported = 0;
  return setInterval(() => {
    const lines = output.dropped - reported;
    if (lines > 0) {
      log.warn({ lines }, "dropped: the reader is too slow");
      reported += lines;
    }
  }, reportInterval);
}

/** Tells what was lost altogether, if anything. */
function reportLosses(unwritten: number, running: RunningSignal, log: Logger): void {
  const losses = { reader_too_slow: unwritten, ...running.books().dropped };
  const found = Object.entries(losses).filter(([, events]) => events > 0);
  if (found.length > 0) {
    log.warn(Object.fromEntries(found), "events lost");
  }
}

async function trace(signal: Signal, options: TraceOptions): Promise<void> {
  const log = createLogger(options.logLevel, options.logFormat);
  requireKernel();
  const ending = askedToEnd();
  const output = new LineOutput(process.stdout);
  const readerGone = output.failed.then((cause) => {
    if (cause.code !== "EPIPE") {
      throw new Error("writing to stdout", { cause });
    }
    return "reader gone" as const;
  });
  const clock = wallClock();
  const table = options.output === "table" ? traceTable(signal, clock) : undefined;
  const line = table?.line ?? jsonLines(signal, clock);
  const { print, enough } = createPrinter(options, output, line);
  const running = load(signal, options, print, complainSparingly(log, signal.name));
  const drain = (): number => {
    const drained = running.drain(drainLimit);
    output.flush();
    return drained;
  };
  const schedule = new DrainSchedule([running.ring], drain, pauses);
  let reports: NodeJS.Timeout | undefined;
  try {
    running.attach();
    if (options.dropCapabilities) {
      dropCapabilities();
    }
    schedule.start();
    reports = reportDrops(output, log);
    if (table !== undefined) {
      output.line(table.heading);
    }
    warnOfRefusals(log, signal.name, running.loaded);
    log.info({ signal: signal.name, hook: running.loaded.hook.name }, "tracing");
    const elapsed =
      options.duration === undefined ? [] : [setTimeout(options.duration / 1e6, undefined, { ref: false })];
    await Promise.race([ending, enough, readerGone, ...elapsed]);
    drain();
    const patience = ending.then(() => setTimeout(lastGrace));
    if ((await Promise.race([output.delivered(), readerGone, patience])) !== "reader gone") {
      reportLosses(output.dropped + output.waiting, running, log);
    }
  } finally {
    schedule.stop();
    clearInterval(reports);
    running.close();
  }
  if (output.waiting > 0) {
    // What a stalled reader has not taken would keep the process alive.
    process.exit(0);
  }
}

/** Adds `trace` to the program. */
export function addTraceCommand(program: Command): void {
  const command = program
    .command("trace")
    .description("show the events of one signal as they come, one a line")
    .argument("<signal>", `one of ${signalNames.join(", ")}`);
  addTraceFlags(command);
  command.action((name: string) => {
    const signal = signals.find((candidate) => candidate.name === name) ?? refuseSignal(name);
    return trace(signal, readTraceOptions(command, name));
  });
}

function refuseSignal(name: string): never {
  throw new UsageError(
    `trace ${quote(name)}: expected one of ${signalNames.join(", ")}${suggestion(name, signalNames)}`,
  );
}
