#!/usr/bin/env node
/** The command `ringtap`. */
import { Command } from "commander";
import { reportFailure, throwErrors } from "./errors.js";
import { addRunCommand } from "./run.js";
import { version } from "./version.js";

const program = throwErrors(new Command("ringtap"))
  .description("eBPF observability agent: TCP, syscall, file and process events as Prometheus metrics")
  .version(version);
addRunCommand(program);

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = reportFailure(error);
}
