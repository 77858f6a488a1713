/** The flags of `ringtap top` and their values. */
import type { Command } from "commander";

import { environmentSource } from "../flags/environment.js";
import { UsageError } from "../errors.js";
import { cgroupFlags, logFlags, privilegeFlags, ringFlags } from "../flags/shared.js";
import { addFlags, commandLineSource, readFlags } from "../flags/flags.js";
import { type KnownSignals, ownSignalFlags, signalsFlag } from "../flags/own-signals.js";
import { podFlags } from "../flags/kubernetes.js";
import { lastingFor } from "../flags/values.js";
import { colorFlags } from "../terminal/color.js";
import { declaredColumns, sortKeys } from "./columns.js";
import { type FlagValues, optional, single, toggle } from "../../sdk/flags.js";
import { oneOf, refuse, wholeNumber } from "../../sdk/flag-values.js";

/** Nanoseconds: no one could read it more than ten times a second. */
const shortestInterval = 100e6;

function interval(text: string): number {
  const nanoseconds = lastingFor(text);
  return nanoseconds >= shortestInterval ? nanoseconds : refuse(text, "expected 100ms or longer");
}

/** The flags of `top`; it can sort by what these signals show. */
function topFlags(known: KnownSignals) {
  const keys = sortKeys(declaredColumns(known.all));
  const [first = ""] = keys;
  return {
    /** Nanoseconds. */
    interval: single("interval", "<duration>", "time between two snapshots; a bare number is seconds", "1s", interval),
    sort: single("sort", "<column>", `what comes first: ${keys.join(", ")}`, first, oneOf(keys)),
    /** Rows. */
    limit: optional("limit", "<n>", "show no more processes than so many", wholeNumber(1, 1_000_000)),
    filter: optional("filter", "<text>", "only processes whose name or container has this, or whose pid it is", String),
    once: toggle("once", "count for one interval, print what happened, and end"),
    output: single(
      "output",
      "<format>",
      "table, for people, or json, an object for each interval",
      "table",
      oneOf(["table", "json"] as const),
    ),
    ...colorFlags,
    signals: signalsFlag(known),
    ...ownSignalFlags,
    ...cgroupFlags,
    ...podFlags,
    ...ringFlags,
    ...logFlags,
    ...privilegeFlags,
  };
}

/** What `top` is to do. */
export type TopOptions = FlagValues<ReturnType<typeof topFlags>>;

/** Gives a command the flags of `top`. */
export function addTopFlags(command: Command, known: KnownSignals): void {
  addFlags(command, topFlags(known));
}

/** Reads the options of `top` once `command`, which {@link addTopFlags} has equipped, is parsed. Throws a UsageError. */
export function readTopOptions(
  command: Command,
  known: KnownSignals,
  environment: Readonly<NodeJS.ProcessEnv> = process.env,
): TopOptions {
  const options = readFlags(topFlags(known), [commandLineSource(command), environmentSource(environment)]);
  if (options.filter === "") {
    throw new UsageError('--filter "": expected a name, a container or a pid');
  }
  return options;
}
