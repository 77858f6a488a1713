/** The flags of `ringtap count` and `ringtap hist`, and their values. */
import type { Command } from "commander";
import { type FlagTable, type FlagValues, list, optional, single, toggle } from "../../sdk/flags.js";
import { oneOf, refuse, wholeNumber } from "../../sdk/flag-values.js";
import { UsageError } from "../errors.js";
import { environmentSource } from "../flags/environment.js";
import { addFlags, commandLineSource, readFlags } from "../flags/flags.js";
import { logFlags, privilegeFlags } from "../flags/shared.js";
import { lastingFor, listenAddress } from "../flags/values.js";
import { splitConditions } from "../trace/where.js";
import { comparisonText, fieldText } from "./words.js";

/** Nanoseconds: no one could read it more than ten times a second. */
const shortestInterval = 100e6;

function interval(text: string): number {
  const nanoseconds = lastingFor(text);
  return nanoseconds >= shortestInterval ? nanoseconds : refuse(text, "expected 100ms or longer");
}

/** A signal's name: it begins the metric's. */
function signalName(text: string): string {
  return /^[a-z][a-z\d_]{0,31}$/.test(text)
    ? text
    : refuse(text, "expected a lower-case letter, then up to 31 letters, digits and _");
}

const sharedFlags = {
  by: list(
    "by",
    "<field,...>",
    "a count for each value of these: comm, pid, uid, rq.__data_len, name=field",
    "",
    fieldText,
  ),
  where: list(
    "where",
    "<condition...>",
    "only events for which it holds: comm=nginx, rq.__data_len>=4096, flags&0x40; several must all hold",
    "",
    comparisonText,
    splitConditions,
  ),
  watch: toggle("watch", "show what has been counted as it goes"),
  /** Nanoseconds. */
  interval: single(
    "interval",
    "<duration>",
    "time between two tables of --watch; a bare number is seconds",
    "1s",
    interval,
  ),
  /** Nanoseconds. */
  duration: optional("duration", "<duration>", "end after so long: 10s, 1.5m; a bare number is seconds", lastingFor),
  limit: single("limit", "<n>", "show no more label sets than so many", "50", wholeNumber(1, 1_000_000)),
  entries: single(
    "entries",
    "<n>",
    "label sets that the kernel counts separately; further ones are ~other",
    "10240",
    wholeNumber(1, 1_000_000),
  ),
  output: single(
    "output",
    "<format>",
    "table, for people, or json, an object for each label set",
    "table",
    oneOf(["table", "json"] as const),
  ),
  name: optional("name", "<name>", "what the metric's name begins with; default: the tracepoint", signalName),
  listenAddresses: list(
    "web.listen-address",
    "<address>",
    "serve the metric to Prometheus, too, HOST:PORT or unix:PATH; may be repeated",
    "",
    listenAddress,
  ),
  ...logFlags,
  ...privilegeFlags,
};

const countFlags = {
  sum: list("sum", "<field,...>", "numbers to add up beside the count", "", fieldText),
};

const histogramFlags = {
  of: optional("of", "<field>", "the number that is observed", fieldText),
  unit: single(
    "unit",
    "<unit>",
    "what the number is: number, bytes, or seconds (of nanoseconds)",
    "number",
    oneOf(["number", "bytes", "seconds"] as const),
  ),
};

/** Which of both commands it is. */
export type Kind = "count" | "hist";

/** What is to be counted, and how it is shown. */
export type CountOptions = FlagValues<typeof sharedFlags> &
  Partial<FlagValues<typeof countFlags> & FlagValues<typeof histogramFlags>>;

function flagsOf(kind: Kind): FlagTable {
  return { ...(kind === "hist" ? histogramFlags : countFlags), ...sharedFlags };
}

/** Gives a command its flags. */
export function addCountFlags(command: Command, kind: Kind): void {
  addFlags(command, flagsOf(kind));
}

/**
 * Reads the options once `command` is parsed: command line before environment before default. Where to listen is no matter of the
 * environment: in a container it is that of the agent which runs there. Throws a UsageError.
 */
export function readCountOptions(
  command: Command,
  kind: Kind,
  environment: Readonly<NodeJS.ProcessEnv> = process.env,
): CountOptions {
  const fromEnvironment = environmentSource(environment);
  const options = readFlags(flagsOf(kind), [
    commandLineSource(command),
    (flag) => (flag === sharedFlags.listenAddresses ? undefined : fromEnvironment(flag)),
  ]) as CountOptions;
  if (kind === "hist" && options.of === undefined) {
    throw new UsageError("hist: --of is missing: expected the number that is observed, such as --of rq.__data_len");
  }
  return options;
}
