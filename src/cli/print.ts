/** Standard output, for what is written at once. */
import { writeFileSync } from "node:fs";

/** Writes to stdout, which the caller may have sent to a full disk. */
export function print(text: string): void {
  try {
    writeFileSync(process.stdout.fd, text);
  } catch (cause) {
    throw new Error("writing to stdout", { cause });
  }
}
