/** The parser of HTTP as a program, and the inputs that it takes: test/fuzz/l7/http.c. */
import { execFileSync } from "node:child_process";

import type { Conversation } from "../../kernel/support/conversations.js";

/** Most bytes of a piece: its length is a number of 15 bits. */
const mostBytes = 0x7fff;

/** Compiles the program with a compiler of C and some of its flags. Throws when it cannot. */
export function buildParser(path: string, compiler: string, flags: readonly string[]): void {
  const include = ["-Itest/fuzz/l7/include", "-Ibpf/include"];
  const warnings = ["-Wall", "-Werror", "-Wno-unused-parameter"];
  execFileSync(compiler, ["-g", "-O1", ...flags, ...warnings, ...include, "test/fuzz/l7/http.c", "-o", path], {
    stdio: ["ignore", "inherit", "inherit"],
  });
}

/** A conversation as an input. */
export function inputOf({ steps, first = "C" }: Pick<Conversation<unknown>, "steps" | "first">): Buffer {
  const parts = [Buffer.from([first === "S" ? 1 : 0])];
  for (const [who, text] of steps) {
    for (let at = 0; at < text.length; at += mostBytes) {
      const bytes = Buffer.from(text.slice(at, at + mostBytes), "latin1");
      const head = Buffer.alloc(2);
      head.writeUInt16LE(bytes.length | (who === "S" ? 0x8000 : 0));
      parts.push(head, bytes);
    }
  }
  return Buffer.concat(parts);
}
