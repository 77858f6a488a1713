/** Small files that a person writes: read whole, within bounds. */
import { closeSync, openSync, readSync } from "node:fs";
import { getSystemErrorMap } from "node:util";

/** The largest file that is read, bytes. */
const sizeLimit = 2 ** 20;

/** What the system says of a failed call, without its name and arguments: `no such file or directory`. */
export function systemErrorText(error: unknown): string {
  const { errno = 0, code } = error as NodeJS.ErrnoException;
  return getSystemErrorMap().get(errno)?.[1] ?? code ?? String(error);
}

function readBytes(path: string): Buffer {
  const file = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(sizeLimit + 1);
    let length = 0;
    for (let got = -1; got !== 0 && length < bytes.length; length += got) {
      got = readSync(file, bytes, length, bytes.length - length, null);
    }
    return bytes.subarray(0, length);
  } finally {
    closeSync(file);
  }
}

/**
 * Reads a file of UTF-8, at most 1 MiB. Throws an error with one line that does not name the file: why the system refuses it, that it
 * is larger, or that it is no UTF-8.
 */
export function readTextFile(path: string): string {
  let bytes: Buffer;
  try {
    bytes = readBytes(path);
  } catch (error) {
    throw new Error(systemErrorText(error), { cause: error });
  }
  if (bytes.length > sizeLimit) {
    throw new Error(`larger than ${sizeLimit / 2 ** 20} MiB`);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new Error("expected text in UTF-8", { cause: error });
  }
}
