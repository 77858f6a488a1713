/** The agent's log on stderr, as logfmt or JSON, one line a record. */
import { createRequire } from "node:module";
import type * as Pino from "pino";
import type { DestinationStream, Logger } from "pino";

import { describeError } from "./error-text.js";
import { stderrLines } from "./logger-stderr.js";
import { escapeControls } from "./error-text.js";
import { logfmtLine } from "./logger-text.js";

export const logLevels = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof logLevels)[number];

export const logFormats = ["logfmt", "json"] as const;
export type LogFormat = (typeof logFormats)[number];

/** Loaded when there is something to log: a command that is refused needs no logger, and flags only the words above. */
const loadPino = (): typeof Pino => createRequire(import.meta.url)("pino") as typeof Pino;

/**
 * A logger that writes to stderr before it returns, so that nothing is lost at exit. An error is logged under the key `err`, as
 * {@link describeError} writes it. Lines that cannot be written, as on a full disk, are dropped; once writing works again, a line
 * says how many.
 */
export function createLogger(level: LogLevel, format: LogFormat): Logger {
  const { pino, stdTimeFunctions } = loadPino();
  const stderr = stderrLines((lines) => {
    log.warn({ lines }, "lines of the log were dropped: stderr could not be written");
  });
  const log = pino(
    {
      level,
      base: null,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeError },
      timestamp: stdTimeFunctions.isoTime,
    },
    format === "json" ? jsonStream(stderr) : logfmtStream(stderr),
  );
  return log;
}

/** Escapes what JSON does not: C1 controls and text direction marks, which terminals obey. */
function jsonStream(output: DestinationStream): DestinationStream {
  return {
    write(line) {
      output.write(`${escapeControls(line.trimEnd())}\n`);
    },
  };
}

/** Rewrites pino's JSON: a log line is rare, and pino has no other hook that sees the whole record. */
function logfmtStream(output: DestinationStream): DestinationStream {
  return {
    write(line) {
      const { time, level, msg, ...rest } = JSON.parse(line) as Record<string, unknown>;
      output.write(`${logfmtLine({ ts: time, level, msg, ...rest })}\n`);
    },
  };
}
