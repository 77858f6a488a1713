/** `ringtap run`: the agent. */
import type { Command } from "commander";

import { native } from "../../binding/native.js";
import { KnownSignals } from "../flags/own-signals.js";
import { addExamples } from "../reference/examples.js";
import { endUnloaded } from "../unloaded.js";
import { beginRun } from "./begin.js";
import { addRunFlags } from "./options.js";
import { openRunOptions } from "./reload.js";

/** Adds `run` to the program. */
export function addRunCommand(program: Command, known = new KnownSignals()): void {
  const command = program.command("run").description("capture events and serve them as Prometheus metrics");
  addRunFlags(command, known);
  addExamples(command, [
    { what: "serve http://127.0.0.1:19435/metrics", command: "ringtap run" },
    {
      what: "for every network, without system calls",
      command: "ringtap run --web.listen-address :19435 --signals tcp,file,process",
    },
    { what: "a series for each pod and program", command: "ringtap run --labels comm,namespace,pod,container" },
  ]);
  command.action(async () => {
    native.keepLittleFree();
    native.beginReadingTypes();
    const begun = beginRun(openRunOptions(command, known));
    // What the agent is made of is loaded while the kernel checks the programs.
    const { run } = await import("./agent.js").catch(endUnloaded);
    await run(begun);
  });
}
