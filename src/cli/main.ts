#!/usr/bin/env node
/** The command `ringtap`. */
import { setFlagsFromString } from "node:v8";

import { nodeVersionFault } from "./node-version.js";
import { endUnloaded } from "./unloaded.js";

/** A command that is over ends the process so soon at the latest, milliseconds: a timer of a user's own signal may not hold it. */
const lingerMs = 1_000;

/*
 * V8 doubles the space of young objects, up to 48 MB, whenever much survives, as while an agent starts and with each scrape. It stays as
 * small as it begins: 10 to 20 MB less resident, for the same processor time. The flag of the command line is read too early for that.
 */
setFlagsFromString("--semi-space-growth-factor=1");

// Without a listener Node answers SIGUSR1, which what rotates logs may send, with a debugger's port, open to every user of the machine.
process.on("SIGUSR1", () => undefined);

const fault = nodeVersionFault(process.versions.node);
if (fault === undefined) {
  // All others are imported here: an old Node cannot read them, and an addon that cannot be loaded is an error like any other.
  const { createProgram } = await import("./program.js").catch(endUnloaded);
  const { reportFailure } = await import("./errors.js");
  try {
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
