/** How the command line fails: bad input exits with 2, anything that cannot run with 1, one line on stderr for either. */
import { type Command, CommanderError } from "commander";

import { describeError, escapeControls } from "../log/error-text.js";
import { print, printError } from "./print.js";

/** The user asked for something that does not exist or is not valid. The message names the flag and quotes the value. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/**
 * Makes a command throw its errors instead of printing them and exiting, and print its help at once, so that a reader who has gone
 * ends nothing. Subcommands made by it afterwards do the same.
 */
export function throwErrors(command: Command): Command {
  return command.exitOverride().configureOutput({
    writeOut: print,
    writeErr: printError,
    outputError: () => undefined,
  });
}

/** Reports on stderr what ended the program and returns the exit status that belongs to it. */
export function reportFailure(error: unknown): number {
  if (error instanceof CommanderError) {
    return reportCommanderError(error);
  }
  printError(`ringtap: ${describeError(error)}\n`);
  return error instanceof UsageError ? 2 : 1;
}

/** Commander throws for `--help` and `--version` too, and for a missing subcommand, having printed the help. */
function reportCommanderError(error: CommanderError): number {
  if (error.exitCode === 0) {
    return 0;
  }
  if (error.code !== "commander.help") {
    const message = error.message.replace(/^error: /, "").replace("\n", " ");
    const hint = /^unknown (command 'version'|option '-v')$/.test(message) ? " (Did you mean ringtap --version?)" : "";
    printError(`ringtap: ${escapeControls(message)}${hint}\n`);
  }
  return 2;
}
