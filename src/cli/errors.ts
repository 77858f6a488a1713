/** How the command line fails: bad input exits with 2, anything that cannot run with 1, one line on stderr for either. */
import { writeSync } from "node:fs";

import { type Command, CommanderError } from "commander";

import { describeError, escapeControls } from "../log/error-text.js";

/** The user asked for something that does not exist or is not valid. The message names the flag and quotes the value. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Makes a command throw its errors instead of printing them and exiting. Subcommands made by it afterwards do the same. */
export function throwErrors(command: Command): Command {
  return command.exitOverride().configureOutput({ outputError: () => undefined });
}

/** Reports on stderr what ended the program and returns the exit status that belongs to it. */
export function reportFailure(error: unknown): number {
  if (error instanceof CommanderError) {
    return reportCommanderError(error);
  }
  tell(describeError(error));
  return error instanceof UsageError ? 2 : 1;
}

/** Where stderr cannot be written, as on a full disk, the exit status has to do. */
function tell(message: string): void {
  try {
    writeSync(2, `ringtap: ${message}\n`);
  } catch {
    return;
  }
}

/** Commander throws for `--help` and `--version` too, and for a missing subcommand, having printed the help. */
function reportCommanderError(error: CommanderError): number {
  if (error.exitCode === 0) {
    return 0;
  }
  if (error.code !== "commander.help") {
    const message = error.message.replace(/^error: /, "").replace("\n", " ");
    tell(escapeControls(message));
  }
  return 2;
}
