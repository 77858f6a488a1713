import { Command } from "commander";

import { KnownSignals } from "../../src/cli/flags/own-signals.js";
import { addRunFlags } from "../../src/cli/run/options.js";

/** The names of the flags of `run`, those of all signals among them, without dashes. */
export function flagNames(): readonly string[] {
  const command = new Command();
  addRunFlags(command, new KnownSignals());
  return command.options.filter(({ hidden }) => !hidden).map(({ long }) => (long ?? "").replace(/^--/, ""));
}
