#!/usr/bin/env node
/** The command `ringtap`. */
import { setFlagsFromString } from "node:v8";

import type * as Errors from "./errors.js";
import { nodeVersionFault } from "./node-version.js";
import type * as Program from "./program.js";
import { endUnloaded } from "./unloaded.js";

/** A command that is over ends the process so soon at the latest, milliseconds: a timer of a user's own signal may not hold it. */
const lingerMs = 1_000;

/** Imports a module of this folder as it is in the bundle (scripts/package/bundle.ts): all of them are in few files there. */
async function bundled<Module>(name: string): Promise<Module> {
  return (await import(new URL(`../bundle/${name}.js`, import.meta.url).href)) as Module;
}

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
  const { createProgram } = await bundled<typeof Program>("program").catch(endUnloaded);
  const { reportFailure } = await bundled<typeof Errors>("errors");
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
