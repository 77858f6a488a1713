/** `ringtap completion`: scripts that let shells complete its command line, made of the commands themselves. */
import type { Command } from "commander";

import { addWordArgument, commandTree, type TreeCommand } from "./command-tree.js";
import { bashCompletion } from "./completion-bash.js";
import { fishCompletion } from "./completion-fish.js";
import { zshCompletion } from "./completion-zsh.js";
import { UsageError } from "../errors.js";
import { addExamples } from "./examples.js";
import { print } from "../print.js";
import { FlagError } from "../../sdk/flags.js";
import { oneOf } from "../../sdk/flag-values.js";

const scripts = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;
const shells = Object.keys(scripts) as readonly (keyof typeof scripts)[];

/** The script of a shell for these commands. Throws a UsageError for one that is not known. */
export function completionScript(shell: string, commands: readonly TreeCommand[]): string {
  try {
    return scripts[oneOf(shells)(shell)](commands);
  } catch (error) {
    throw error instanceof FlagError ? new UsageError(`completion ${error.message}`) : error;
  }
}

/** Adds `completion` to the program, whose commands it completes. */
export function addCompletionCommand(program: Command): void {
  const command = program
    .command("completion")
    .description("print a script that completes this command line in a shell");
  addWordArgument(command, "shell", `one of ${shells.join(", ")}`, shells);
  addExamples(command, [
    { what: "bash: complete from now on", command: "source <(ringtap completion bash)" },
    { what: "zsh: the same, after compinit", command: "source <(ringtap completion zsh)" },
    { what: "fish: the same", command: "ringtap completion fish | source" },
  ]);
  command.action((shell: string) => {
    print(completionScript(shell, commandTree(program)));
  });
}
