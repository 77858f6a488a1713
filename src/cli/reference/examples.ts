/** Examples of commands: in their help and in the man page. */
import type { Command } from "commander";

export interface Example {
  /** What it does, in a few words. */
  readonly what: string;
  readonly command: string;
}

const ofCommands = new WeakMap<Command, readonly Example[]>();

/** Adds examples to a command. */
export function addExamples(command: Command, examples: readonly Example[]): void {
  ofCommands.set(command, examples);
  const lines = examples.map((example) => `  ${example.command}\n      ${example.what}`);
  command.addHelpText("after", `\nExamples:\n${lines.join("\n")}`);
}

/** The examples of a command. */
export function examplesOf(command: Command): readonly Example[] {
  return ofCommands.get(command) ?? [];
}
