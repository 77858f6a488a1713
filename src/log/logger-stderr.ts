/** Writing the log to stderr: lines that a full disk or a stalled reader does not accept are dropped and counted. */
import { writeSync } from "node:fs";
import type { DestinationStream } from "pino";

/** How long a write waits for a reader that is behind, and the time between two tries, milliseconds. */
const writeTimeoutMs = 1_000;
const retryIntervalMs = 10;

const sleeper = new Int32Array(new SharedArrayBuffer(4));

/** Returns how many of the bytes were written: fewer than all when a write fails, or would block after so many retries. */
function writeBytes(bytes: Buffer, retries: number): number {
  let written = 0;
  let tries = 0;
  while (written < bytes.length) {
    try {
      written += writeSync(2, bytes, written);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN" || tries++ >= retries) {
        break;
      }
      Atomics.wait(sleeper, 0, 0, retryIntervalMs);
    }
  }
  return written;
}

/**
 * A stream of lines to stderr. When `write` returns, the line is written or dropped for good; `recovered` is called with the number of
 * dropped lines once a line is written again. (Pino's own stream throws at the first failure, and keeps what it could not write.)
 */
export function stderrLines(recovered: (linesLost: number) => void): DestinationStream {
  let lost = 0;
  let isMidLine = false;
  return {
    write(line) {
      const bytes = Buffer.from(isMidLine ? `\n${line}` : line);
      const written = writeBytes(bytes, lost === 0 ? writeTimeoutMs / retryIntervalMs : 0);
      if (written < bytes.length) {
        isMidLine ||= written > 0;
        lost++;
        return;
      }
      isMidLine = false;
      if (lost > 0) {
        const lines = lost;
        lost = 0;
        recovered(lines);
      }
    },
  };
}
