/** `ringtap trace`: live events of one signal, one a line. */
import { setTimeout } from "node:timers/promises";

import type { Command } from "commander";
import type { Logger } from "pino";

import { Cgroups } from "../../identity/cgroups.js";
import { dropCapabilities } from "../../host/privileges.js";
import { requireKernel } from "../../host/requirements.js";
import { DrainSchedule } from "../../engine/drain-schedule.js";
import { KnownSignals } from "../flags/own-signals.js";
import { isTraceable, type TraceableSignal } from "../../views/trace-event.js";
import { addWordArgument } from "../reference/command-tree.js";
import { askedToEnd } from "../ending.js";
import { UsageError } from "../errors.js";
import { logStrayErrors } from "../stray-errors.js";
import { addExamples } from "../reference/examples.js";
import { followKubernetes, nameContainers } from "../kubernetes.js";
import { createLogger } from "../../log/logger.js";
import { quote } from "../../log/logger-text.js";
import { suggestion } from "../../config/suggest.js";
import { painter, usesColor } from "../terminal/color.js";
import { wallClock } from "../../views/clock.js";
import { fieldReader, type Fields, fieldTypes } from "./fields.js";
import { jsonLines } from "./json.js";
import { addTraceFlags, readTraceOptions, type TraceOptions } from "./options.js";
import { LineOutput } from "./output.js";
import { createPrinter } from "./printer.js";
import { reportDrops, reportLosses, reportSummary } from "./report.js";
import { startTracing } from "./signals.js";
import { traceTable } from "./table.js";
import { compileWhere } from "./where.js";

/** How long records wait in the ring at the most, milliseconds. */
const pauses = { active: 20, idle: 20 };

/** A drain ends behind the batch that has this many records: writing lines takes long, and the user may want the end. */
const drainLimit = 10_000;

/** How long a slow reader may take for the remaining lines once the user has asked for the end, milliseconds. */
const deliveryTimeoutMs = 300;

async function trace(signal: TraceableSignal, options: TraceOptions, known: KnownSignals): Promise<void> {
  const where = compileWhere(options.where, fieldTypes(signal), { name: signal.name, aliases: signal.trace.aliases });
  const log = createLogger(options.logLevel, options.logFormat);
  logStrayErrors(known, log);
  requireKernel();
  const kubernetes = followKubernetes({ ...options, labels: ["pod"], kubernetesPodLabels: [], peerLabels: [] }, log);
  const cgroups = new Cgroups();
  nameContainers(cgroups, kubernetes.pods, []);
  try {
    await printEvents(signal, options, { where, cgroups, log });
  } finally {
    kubernetes.close();
  }
}

/** What the events of a trace are seen through. */
interface Surroundings {
  readonly where: (fields: Fields) => boolean;
  readonly cgroups: Cgroups;
  readonly log: Logger;
}

async function printEvents(
  signal: TraceableSignal,
  options: TraceOptions,
  { where, cgroups, log }: Surroundings,
): Promise<void> {
  const ending = askedToEnd();
  const output = new LineOutput(process.stdout);
  const readerGone = output.failed.then((cause) => {
    if (cause.code !== "EPIPE") {
      throw new Error("writing to stdout", { cause });
    }
    return "reader gone" as const;
  });
  const clock = wallClock();
  const paint = painter(usesColor(options.color, process.stdout));
  const table = options.output === "table" ? traceTable(signal, clock, paint) : undefined;
  const line = table?.line ?? jsonLines(signal, clock);
  const read = fieldReader(signal, cgroups);
  const { print, enough, summary } = createPrinter(options, { signal, output, read, where, line });
  const tracing = startTracing(signal, options, cgroups, print, log);
  const { traced, running } = tracing;
  const drain = (): number => {
    const drained = running.reduce((sum, each) => sum + each.drain(drainLimit), 0);
    output.flush();
    return drained;
  };
  const rings = running.flatMap(({ ring }) => ring ?? []);
  const schedule = new DrainSchedule(rings, drain, () => pauses);
  let reports: NodeJS.Timeout | undefined;
  try {
    if (options.dropCapabilities) {
      dropCapabilities({ attaches: running.some(({ attachesLater }) => attachesLater) });
    }
    schedule.start();
    reports = reportDrops(output, log);
    if (table !== undefined) {
      output.line(table.heading);
    }
    log.info({ signal: signal.name, hook: traced.loaded.hook.name }, "tracing");
    const elapsed =
      options.duration === undefined ? [] : [setTimeout(options.duration / 1e6, undefined, { ref: false })];
    await Promise.race([ending, enough, readerGone, ...elapsed]);
    drain();
    const timeout = ending.then(() => setTimeout(deliveryTimeoutMs));
    if ((await Promise.race([output.delivered(), readerGone, timeout])) !== "reader gone") {
      reportLosses(output.dropped + output.waiting, traced, log);
      reportSummary(summary, options, log);
    }
  } finally {
    schedule.stop();
    clearInterval(reports);
    tracing.close();
  }
  if (output.waiting > 0) {
    // What a stalled reader has not taken would keep the process alive.
    process.exit(0);
  }
}

/** Adds `trace` to the program. */
export function addTraceCommand(program: Command, known = new KnownSignals()): void {
  const traceable = known.all.filter(isTraceable);
  const signalNames = traceable.map(({ name }) => name);
  const command = program.command("trace").description("show the events of one signal as they come, one a line");
  addWordArgument(command, "signal", `one of ${signalNames.join(", ")}`, signalNames);
  addTraceFlags(command, traceable);
  addExamples(command, [
    { what: "connects that failed, and to where", command: "ringtap trace tcp --where 'result!=established'" },
    { what: "files that nginx does not find", command: "ringtap trace file --comm nginx --where result=ENOENT" },
    {
      what: "one call in 1,000, and every one that failed or took 10 ms",
      command: "ringtap trace syscall --sample 1000 --slow 10ms",
    },
    {
      what: "what is run for ten seconds, for programs",
      command: "ringtap trace process --duration 10s --output json",
    },
  ]);
  command.action((name: string) => {
    const wanted = known.packages.get(name) ?? name;
    const signal = traceable.find((candidate) => candidate.name === wanted) ?? refuseSignal(name, signalNames);
    return trace(signal, readTraceOptions(command, signal, traceable), known);
  });
}

function refuseSignal(name: string, signalNames: readonly string[]): never {
  throw new UsageError(
    `trace ${quote(name)}: expected one of ${signalNames.join(", ")}, the name of an installed npm package, ` +
      `or a signal of a folder that --signals.path names${suggestion(name, signalNames)}`,
  );
}
