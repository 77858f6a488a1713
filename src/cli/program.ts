/** The commands, put together. */
import { Command } from "commander";

import { addBpfCommand } from "./bpf/bpf.js";
import { addCheckCommand } from "./check/check.js";
import { addCountCommands } from "./count/count.js";
import { addCompletionCommand } from "./reference/completion.js";
import { throwErrors } from "./errors.js";
import { findSignals } from "./flags/own-signals.js";
import { addRunCommand } from "./run/run.js";
import { addSignalCommand } from "./signal/signal.js";
import { addTopCommand } from "./top/top.js";
import { addTraceCommand } from "./trace/trace.js";
import { version } from "./version.js";

/** Makes the program for a command line, the name of the program left out: a user's own signals have flags, too. */
export async function createProgram(args: readonly string[] = []): Promise<Command> {
  const known = await findSignals(args);
  const program = throwErrors(new Command("ringtap"))
    .description("eBPF observability agent: TCP, syscall, file and process events as Prometheus metrics")
    .version(version);
  addRunCommand(program, known);
  addTraceCommand(program, known);
  addTopCommand(program, known);
  addCheckCommand(program, known);
  addCountCommands(program);
  addSignalCommand(program);
  addBpfCommand(program);
  addCompletionCommand(program);
  return program;
}
