#!/usr/bin/env node
/** The command `ringtap`. */
import { nodeVersionFault } from "./node-version.js";

/** A command that is over ends the process so soon at the latest, milliseconds: a timer of a user's own signal may not hold it. */
const lingerMs = 1_000;

const fault = nodeVersionFault(process.versions.node);
if (fault === undefined) {
  // All others are imported here: an old Node cannot read them, and an addon that cannot be loaded is an error like any other.
  const { reportFailure } = await import("./errors.js");
  try {
    const { createProgram } = await import("./program.js");
    const program = await createProgram(process.argv.slice(2));
    await program.parseAsync();
  } catch (error) {
    process.exitCode = reportFailure(error);
  }
} else {
  process.stderr.write(`ringtap: ${fault}\n`);
  process.exitCode = 1;
}
setTimeout(() => {
  process.exit();
}, lingerMs).unref();
