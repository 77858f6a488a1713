#!/usr/bin/env node
/** The command `ringtap`. */
import { reportFailure } from "./errors.js";

try {
  // Imported here, where an addon that cannot be loaded is an error like any other.
  const { program } = await import("./program.js");
  await program.parseAsync();
} catch (error) {
  process.exitCode = reportFailure(error);
}
