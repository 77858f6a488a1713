/** The flags of `ringtap trace` and their values. */
import type { Command } from "commander";

import { UsageError } from "../errors.js";
import { environmentSource } from "../flags/environment.js";
import { cgroupFlags, lineFlags, logFlags, privilegeFlags, ringFlags, syscallFilterFlags } from "../flags/shared.js";
import { podFlags } from "../flags/kubernetes.js";
import { addFlags, commandLineSource, type FlagValues, list, optional, readFlags, single } from "../flags/flags.js";
import { comm, duration, lastingFor, pid, wholeNumber } from "../flags/values.js";
import { colorFlags } from "../terminal/color.js";
import { condition, splitConditions } from "./where.js";

const { syscallMinDuration, syscallErrorsOnly, syscallNames } = syscallFilterFlags;

/** Those that make sense for system calls only. */
const syscallFlags = { syscallMinDuration, syscallErrorsOnly, syscallNames };

const traceFlags = {
  /** Empty for all. */
  pids: list("pid", "<pid,...>", "only these processes; may be repeated", "", pid),
  /** Empty for all. */
  comms: list("comm", "<comm,...>", "only processes of these names; may be repeated", "", comm),
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
  /** Lines. */
  count: optional("count", "<n>", "end after so many events", wholeNumber(1, 1_000_000_000)),
  /** Nanoseconds. */
  duration: optional("duration", "<duration>", "end after so long: 10s, 1.5m; a bare number is seconds", lastingFor),
  ...syscallFlags,
  ...cgroupFlags,
  ...podFlags,
  ...ringFlags,
  ...logFlags,
  ...privilegeFlags,
};

/** What `trace` is to do, the signal apart. */
export type TraceOptions = FlagValues<typeof traceFlags>;

/** Gives a command the flags of `trace`. */
export function addTraceFlags(command: Command): void {
  addFlags(command, traceFlags);
}

/**
 * Reads the options of `trace <signal>` once `command`, which {@link addTraceFlags} has equipped, is parsed: command line before
 * environment before default. Throws a UsageError.
 */
export function readTraceOptions(
  command: Command,
  signal: string,
  environment: Readonly<NodeJS.ProcessEnv> = process.env,
): TraceOptions {
  const commandLine = commandLineSource(command);
  if (signal !== "syscall") {
    for (const flag of Object.values(syscallFlags)) {
      if (commandLine(flag) !== undefined) {
        throw new UsageError(`--${flag.name} filters system calls: it goes with trace syscall, not trace ${signal}`);
      }
    }
  }
  return readFlags(traceFlags, [commandLine, environmentSource(environment)]);
}
