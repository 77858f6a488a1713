/** The commands and their flags as plain data, for what is made of them: completion and the man page. */
import type { Command } from "commander";

import { type Example, examplesOf } from "./examples.js";

/** A flag, as it is typed. */
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

/** A positional argument. */
export interface TreeArgument {
  /** As the help writes it: `<dir>`, `[dir]`. */
  readonly text: string;
  readonly name: string;
  readonly help: string;
  /** The values there are; empty where they are too many to tell. */
  readonly words: readonly string[];
}

export interface TreeCommand {
  /** With the name of the command that it is a subcommand of: `signal new`. */
  readonly name: string;
  readonly summary: string;
  /** Of a subcommand: what the command is for that it belongs to; else empty. */
  readonly group: string;
  readonly arguments: readonly TreeArgument[];
  readonly flags: readonly TreeFlag[];
  readonly examples: readonly Example[];
}

function flagsOf(command: Command): TreeFlag[] {
  return command.options
    .filter(({ hidden }) => !hidden)
    .map((option) => {
      const [placeholder = ""] = /<[^>]*>/.exec(option.flags) ?? [];
      return {
        flag: option.long ?? option.flags,
        placeholder,
        help: option.description,
        isList: placeholder.endsWith(",...>"),
        words: option.argChoices ?? [],
      };
    });
}

function treeOf(command: Command, prefix: string, group = ""): TreeCommand[] {
  const name = prefix + command.name();
  if (command.commands.length > 0) {
    return command.commands.flatMap((subcommand) => treeOf(subcommand, `${name} `, command.description()));
  }
  return [
    {
      name,
      summary: command.description(),
      group,
      arguments: command.registeredArguments.map((argument) => ({
        text: argument.required ? `<${argument.name()}>` : `[${argument.name()}]`,
        name: argument.name(),
        help: argument.description,
        words: argument.argChoices ?? [],
      })),
      flags: flagsOf(command),
      examples: examplesOf(command),
    },
  ];
}

/** The commands of a program, in the order of its help; subcommands in the place of the command that has them. */
export function commandTree(program: Command): TreeCommand[] {
  return program.commands.flatMap((command) => treeOf(command, ""));
}

/** What may stand first on the command line, in order, and what may follow it where that is a subcommand. */
export function firstWords(commands: readonly TreeCommand[]): ReadonlyMap<string, readonly TreeCommand[]> {
  const groups = new Map<string, TreeCommand[]>();
  for (const command of commands) {
    const [first = "", second] = command.name.split(" ");
    groups.set(first, [...(groups.get(first) ?? []), ...(second === undefined ? [] : [command])]);
  }
  return groups;
}

/** What to complete a value with where it is not one of a few words. */
export function pathKind(placeholder: string): "file" | "folder" | undefined {
  if (placeholder === "<file>") {
    return "file";
  }
  return /^[<[]dir(,\.\.\.)?[>\]]$/.test(placeholder) ? "folder" : undefined;
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
