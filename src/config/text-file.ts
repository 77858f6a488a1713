/** Small files that a person writes: read whole, within bounds. */
import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { getSystemErrorMap } from "node:util";

/** The largest file that is read, bytes. */
const sizeLimit = 2 ** 20;

/** What the system says of a failed call, without its name and arguments: `no such file or directory`. */
export function systemErrorText(error: unknown): string {
  const { errno = 0, code } = error as NodeJS.ErrnoException;
  return getSystemErrorMap().get(errno)?.[1] ?? code ?? (error instanceof Error ? error.message : String(error));
}

/**
 * What was read from paths that are no regular files, such as a pipe: a second read would find the rest, which is nothing, or wait for
 * ever. Regular files are here, too, without a content. The paths come from flags, so there are few.
 */
const alreadyRead = new Map<string, Buffer | undefined>();

/** Was the content of this file read once and for all, because it is no regular file? */
export function isReadOnce(path: string): boolean {
  return alreadyRead.get(path) !== undefined;
}

function readBytes(path: string): Buffer {
  if (alreadyRead.has(path) && !statSync(path).isFile()) {
    const bytes = alreadyRead.get(path);
    if (bytes === undefined) {
      throw new Error("no longer a regular file");
    }
    return bytes;
  }
  const file = openSync(path, "r");
  try {
    const bytes = readToEnd(file);
    alreadyRead.set(path, fstatSync(file).isFile() ? undefined : Buffer.from(bytes));
    return bytes;
  } finally {
    closeSync(file);
  }
}

function readToEnd(file: number): Buffer {
  const bytes = Buffer.alloc(sizeLimit + 1);
  let length = 0;
  for (let got = -1; got !== 0 && length < bytes.length; length += got) {
    got = readSync(file, bytes, length, bytes.length - length, null);
  }
  return bytes.subarray(0, length);
}

/**
 * Reads a file of UTF-8, at most 1 MiB. One that is no regular file, such as a pipe, is read once; later calls return what it said.
 * Throws an error with one line that does not name the file: why the system refuses it, that it
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
