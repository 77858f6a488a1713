/** Types of kernels in TypeScript: `ringtap bpf types`, and what a new signal is given. */
import { writeFileSync } from "node:fs";
import { release } from "node:os";
import { Btf } from "../../bpf/btf.js";
import { declarationsOf } from "../../bpf/declarations.js";
import { quote } from "../../log/logger-text.js";
import { fileProblem, shownPath } from "../signal/files.js";

/** Where the running kernel describes its types. */
export const runningKernel = "/sys/kernel/btf/vmlinux";

/** The declarations of the kernels whose BTF is in these files. Throws an error that names the file. */
export function kernelDeclarations(paths: readonly string[]): string {
  const names = paths.map((path) => (path === runningKernel ? `Linux ${release()}` : path));
  return declarationsOf(
    paths.map((path) => Btf.read(path)),
    names.join(", "),
  );
}

/** Writes them to a file; returns what to tell the user. */
export function writeDeclarations(paths: readonly string[], file: string): string {
  const text = kernelDeclarations(paths);
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw fileProblem(`bpf types: writing ${quote(file)}`, error);
  }
  return `wrote ${shownPath(file)}\n`;
}
