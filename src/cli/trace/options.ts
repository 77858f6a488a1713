/** The flags of `ringtap trace` and their values. */
import type { Command } from "commander";

import { UsageError } from "../errors.js";
import { environmentSource } from "../flags/environment.js";
import { cgroupFlags, lineFlags, logFlags, privilegeFlags, ringFlags } from "../flags/shared.js";
import { signalFlags, valuesOf } from "../flags/signals.js";
import type { AnySignal } from "../../sdk/signal.js";
import { ownSignalFlags } from "../flags/own-signals.js";
import { podFlags } from "../flags/kubernetes.js";
import { addFlags, commandLineSource, readFlags } from "../flags/flags.js";
import { lastingFor } from "../flags/values.js";
import { colorFlags } from "../terminal/color.js";
import { condition, splitConditions } from "./where.js";
import { atMost, type FlagTable, type FlagValues, list, optional, single } from "../../sdk/flags.js";
import { commOf as comm, duration, pidOf as pid, wholeNumber } from "../../sdk/flag-values.js";

/** Processes, or names, that a signal can choose in the kernel: the sets of syscall and l7 take as many. */
const mostChosen = 1024;

const traceFlags = {
  /** Empty for all. */
  pids: atMost(mostChosen, list("pid", "<pid,...>", "only these processes; may be repeated", "", pid)),
  /** Empty for all. */
  comms: atMost(mostChosen, list("comm", "<comm,...>", "only processes of these names; may be repeated", "", comm)),
  ...lineFlags,
  /** All must hold. */
  where: list(
    "where",
    "<conditions>",
    "only events whose fields say so: 'dport=443 result!=established duration>10ms'; may be repeated",
    "",
    condition,
    splitConditions,
  ),
  /** From 1, which shows all. */
  sample: single(
    "sample",
    "<n>",
    "show one in so many events; failures, and what is slow, are all shown",
    "1",
    wholeNumber(1, 1_000_000),
  ),
  /** Nanoseconds. */
  slow: optional("slow", "<duration>", "what took as long is slow: never sampled, and yellow", duration),
  ...colorFlags,
  ...ownSignalFlags,
  /** Lines. */
  count: optional("count", "<n>", "end after so many events", wholeNumber(1, 1_000_000_000)),
  /** Nanoseconds. */
  duration: optional("duration", "<duration>", "end after so long: 10s, 1.5m; a bare number is seconds", lastingFor),
  ...cgroupFlags,
  ...podFlags,
  ...ringFlags,
  ...logFlags,
  ...privilegeFlags,
};

/** What `trace` is to do, the signal apart. */
export interface TraceOptions extends FlagValues<typeof traceFlags> {
  /** Values of the traced signal's own flags. */
  readonly ofSignal: FlagValues<FlagTable>;
}

/** Gives a command the flags of `trace`: its own, and those that the signals declare for it. */
export function addTraceFlags(command: Command, signals: readonly AnySignal[]): void {
  addFlags(command, { ...traceFlags, ...signalFlags(signals, "trace") });
}

/**
 * Reads the options of `trace <signal>` once `command`, which {@link addTraceFlags} has equipped, is parsed: command line before
 * environment before default. Throws a UsageError.
 */
export function readTraceOptions(
  command: Command,
  signal: AnySignal,
  signals: readonly AnySignal[],
  environment: Readonly<NodeJS.ProcessEnv> = process.env,
): TraceOptions {
  const commandLine = commandLineSource(command);
  for (const other of signals.filter(({ name }) => name !== signal.name)) {
    for (const flag of Object.values(signalFlags([other], "trace"))) {
      if (commandLine(flag) !== undefined) {
        throw new UsageError(
          `--${flag.name} belongs to the signal ${other.name}: it goes with trace ${other.name}, not trace ${signal.name}`,
        );
      }
    }
  }
  const sources = [commandLine, environmentSource(environment)];
  const ofSignal = readFlags(signalFlags([signal], "trace"), sources);
  return { ...readFlags(traceFlags, sources), ofSignal: valuesOf(signal, ofSignal) };
}
