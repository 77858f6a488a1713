/** The chart may be ahead of the agent. */
import { Command } from "commander";

import { addRunFlags } from "../../src/cli/options.js";
import { runOptions } from "../cli/run-options.js";

/** The names of the flags of `run`, without dashes. */
export function flagNames(): readonly string[] {
  const command = new Command();
  addRunFlags(command, []);
  return command.options.filter(({ hidden }) => !hidden).map(({ long }) => (long ?? "").replace(/^--/, ""));
}

function isLabel(text: string): boolean {
  try {
    runOptions(["--labels", text]);
    return true;
  } catch {
    return false;
  }
}

/** A configuration without the flags and labels that this agent does not know yet. */
export function supported(config: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const flags = flagNames();
  const known = Object.entries(config).filter(([key]) =>
    flags.some((flag) => flag === key || flag.startsWith(`${key}.`)),
  );
  const { labels, ...others } = Object.fromEntries(known);
  return { ...others, ...(Array.isArray(labels) ? { labels: labels.filter(isLabel) } : {}) };
}
