/** The commands and their flags as plain data, for what is made of them: completion and the man page. */
import type { Command } from "commander";

import { type Example, examplesOf } from "./examples.js";

/** A flag, as somebody types it. */
export interface TreeFlag {
  /** With its dashes: `--output`. */
  readonly flag: string;
  /** `<format>`; empty for a switch. */
  readonly placeholder: string;
  readonly help: string;
  /** Does it take several values, separated by commas? */
  readonly isList: boolean;
  /** The values there are; empty where they are too many to tell. */
  readonly words: readonly string[];
}

export interface TreeCommand {
  readonly name: string;
  readonly summary: string;
  /** What follows the name, if anything. */
  readonly argument: { readonly name: string; readonly help: string; readonly words: readonly string[] } | undefined;
  readonly flags: readonly TreeFlag[];
  readonly examples: readonly Example[];
}

function flagsOf(command: Command): TreeFlag[] {
  return command.options
    .filter(({ hidden }) => !hidden)
    .map((option) => {
      const placeholder = option.flags.split(" ")[1] ?? "";
      return {
        flag: option.long ?? option.flags,
        placeholder,
        help: option.description,
        isList: placeholder.endsWith(",...>"),
        words: option.argChoices ?? [],
      };
    });
}

function treeOf(command: Command): TreeCommand {
  const [argument] = command.registeredArguments;
  return {
    name: command.name(),
    summary: command.description(),
    argument:
      argument === undefined
        ? undefined
        : { name: argument.name(), help: argument.description, words: argument.argChoices ?? [] },
    flags: flagsOf(command),
    examples: examplesOf(command),
  };
}

/** The commands of a program, in the order of its help. */
export function commandTree(program: Command): TreeCommand[] {
  return program.commands.map(treeOf);
}

/** An argument that is one of a few words. Others are for the command to refuse. */
export function addWordArgument(command: Command, name: string, help: string, words: readonly string[]): Command {
  command.argument(`<${name}>`, help);
  const argument = command.registeredArguments.at(-1);
  if (argument !== undefined) {
    argument.argChoices = [...words];
  }
  return command;
}
