/** The commands, put together. */
import { Command } from "commander";

import { addCheckCommand } from "./check/check.js";
import { addCompletionCommand } from "./reference/completion.js";
import { throwErrors } from "./errors.js";
import { addRunCommand } from "./run/run.js";
import { addTopCommand } from "./top/top.js";
import { addTraceCommand } from "./trace/trace.js";
import { version } from "./version.js";

export const program = throwErrors(new Command("ringtap"))
  .description("eBPF observability agent: TCP, syscall, file and process events as Prometheus metrics")
  .version(version);
addRunCommand(program);
addTraceCommand(program);
addTopCommand(program);
addCheckCommand(program);
addCompletionCommand(program);
