#!/usr/bin/env node
/** The command `ringtap`. */
import { reportFailure } from "./errors.js";

try {
  // Imported here, where an addon that cannot be loaded is an error like any other.
  const { createProgram } = await import("./program.js");
  const program = await createProgram(process.argv.slice(2));
  await program.parseAsync();
} catch (error) {
  process.exitCode = reportFailure(error);
}
