/** Standard output and standard error, for what is written at once. Neither stream object is touched: a pipe stays blocking. */
import { writeSync } from "node:fs";

/** How long to wait for a reader, when a pipe that is full was made non-blocking, milliseconds. */
const fullPipePauseMs = 5;
const never = new Int32Array(new SharedArrayBuffer(4));

/** Writes to stdout. Quiet when its reader has gone, as `head` does; throws when it takes nothing, as on a full disk. */
export function print(text: string): void {
  try {
    writeAll(1, text);
  } catch (cause) {
    throw new Error("writing to stdout", { cause });
  }
}

/** Writes to stderr. Where it cannot be written, as on a full disk, the exit status has to do. */
export function printError(text: string): void {
  try {
    writeAll(2, text);
  } catch {
    return;
  }
}

function writeAll(descriptor: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let written = 0; written < bytes.length;) {
    try {
      written += writeSync(descriptor, bytes, written);
    } catch (error) {
      switch ((error as NodeJS.ErrnoException).code) {
        case "EAGAIN":
          Atomics.wait(never, 0, 0, fullPipePauseMs);
          break;
        case "EPIPE":
          return;
        default:
          throw error;
      }
    }
  }
}
