/** Stderr as the place of the log: a disk that is full or a reader that does not read costs lines, and those are counted. */
import { writeSync } from "node:fs";
import type { DestinationStream } from "pino";

/** How long a reader that is behind is waited for, in milliseconds, and how often he is looked after meanwhile. */
const patience = 1_000;
const pause = 10;

const sleeper = new Int32Array(new SharedArrayBuffer(4));

/** Returns how many of the bytes stderr has taken; fewer than all when it fails, or has no room after so many tries more. */
function writeBytes(bytes: Buffer, triesMore: number): number {
  let written = 0;
  let tries = 0;
  while (written < bytes.length) {
    try {
      written += writeSync(2, bytes, written);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN" || tries++ >= triesMore) {
        break;
      }
      Atomics.wait(sleeper, 0, 0, pause);
    }
  }
  return written;
}

/**
 * A stream of lines to stderr that has written each when `write` returns, or left it out for good; `recovered` is told how many
 * when the first line gets through again. (Pino's own stream throws at the first failure, and keeps what it could not write.)
 */
export function stderrLines(recovered: (linesLost: number) => void): DestinationStream {
  let lost = 0;
  let isMidLine = false;
  return {
    write(line) {
      const bytes = Buffer.from(isMidLine ? `\n${line}` : line);
      const written = writeBytes(bytes, lost === 0 ? patience / pause : 0);
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
