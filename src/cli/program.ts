/** The commands, put together. */
import { Command } from "commander";

import type * as Others from "./commands.js";
import { throwErrors } from "./errors.js";
import { findSignals, type KnownSignals } from "./flags/own-signals.js";
import { endUnloaded } from "./unloaded.js";
import { version } from "./version.js";

/** Adds a command, or two that belong together. */
type Add = (program: Command, known: KnownSignals) => void;

const others = (): Promise<typeof Others> => import("./commands.js");

/** The commands in the order of the help, by name, each with what loads it. */
const commands: readonly (readonly [names: readonly string[], load: () => Promise<Add>])[] = [
  [["run"], async () => (await import("./run/run.js")).addRunCommand],
  [["trace"], async () => (await others()).addTraceCommand],
  [["top"], async () => (await others()).addTopCommand],
  [["check"], async () => (await others()).addCheckCommand],
  [["count", "hist"], async () => (await others()).addCountCommands],
  [["signal"], async () => (await others()).addSignalCommand],
  [["bpf"], async () => (await others()).addBpfCommand],
  [["completion"], async () => (await others()).addCompletionCommand],
];

/**
 * Makes the program for a command line, the name of the program left out: a user's own signals have flags, too. Where the line begins with
 * a command, the program has that one alone, since the flags of the others take time to add, and `run` loads none of them; but `completion`
 * tells of all.
 */
export async function createProgram(args: readonly string[] = []): Promise<Command> {
  const [first = ""] = args;
  const asked = first === "completion" ? [] : commands.filter(([names]) => names.includes(first));
  const known = await findSignals(args);
  const program = throwErrors(new Command("ringtap"))
    .description("eBPF observability agent: TCP, syscall, file and process events as Prometheus metrics")
    .version(version);
  for (const [, load] of asked.length > 0 ? asked : commands) {
    const add = await load().catch(endUnloaded);
    add(program, known);
  }
  return program;
}
