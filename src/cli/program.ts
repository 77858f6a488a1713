/** The commands, put together. */
import { Command } from "commander";

import { addCheckCommand } from "./check.js";
import { addCompletionCommand } from "./completion.js";
import { throwErrors } from "./errors.js";
import { addRunCommand } from "./run.js";
import { addTopCommand } from "./top.js";
import { addTraceCommand } from "./trace.js";
import { version } from "./version.js";

export const program = throwErrors(new Command("ringtap"))
  .description("eBPF observability agent: TCP, syscall, file and process events as Prometheus metrics")
  .version(version);
addRunCommand(program);
addTraceCommand(program);
addTopCommand(program);
addCheckCommand(program);
addCompletionCommand(program);
