/** `ringtap count` and `ringtap hist`: the events of a tracepoint, counted from the command line. */
import type { Command } from "commander";
import { addExamples } from "../reference/examples.js";
import { addCountFlags, type Kind, readCountOptions } from "./options.js";

/** Adds `count` and `hist` to the program. */
export function addCountCommands(program: Command): void {
  const add = (kind: Kind, description: string): Command => {
    const command = program.command(kind).description(description);
    command.argument("<tracepoint>", "a tracepoint of the kernel, such as sched_process_exec");
    addCountFlags(command, kind);
    command.action(async (name: string) => {
      const options = readCountOptions(command, kind);
      const { run } = await import("./run.js");
      await run(kind, name, options);
    });
    return command;
  };
  addExamples(add("count", "count the events of a tracepoint, by fields of theirs"), [
    { what: "what is executed, until Ctrl-C", command: "ringtap count sched_process_exec --by comm" },
    {
      what: "signals other than 0, by whom and to whom, as it goes",
      command: "ringtap count signal_generate --by comm,to=args.task.comm,sig --where 'sig!=0' --watch",
    },
    {
      what: "dropped packets by reason, for Prometheus",
      command: "ringtap count kfree_skb --by reason --web.listen-address :9435",
    },
  ]);
  addExamples(add("hist", "observe a number at a tracepoint in a histogram, by fields"), [
    {
      what: "how large a disk's requests are, for ten seconds",
      command: "ringtap hist block_rq_issue --of rq.__data_len --unit bytes --by comm --duration 10s",
    },
  ]);
}
