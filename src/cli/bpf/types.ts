/** Types of kernels in TypeScript: `ringtap bpf types`, and what a new signal is given. */
import { writeFileSync } from "node:fs";
import { release } from "node:os";
import { Btf } from "../../bpf/btf.js";
import { declarationsOf, type KernelTypes } from "../../bpf/declarations.js";
import { typesOf } from "../../bpf/running-kernel.js";
import { UsageError } from "../errors.js";
import { quote } from "../../log/logger-text.js";
import { fileProblem, shownPath } from "../signal/files.js";

/** Where the running kernel describes its types. */
export const runningKernel = "/sys/kernel/btf/vmlinux";

/** The types of the running kernel's modules of these names. Throws a UsageError that says which is not there. */
function modulesOf(names: readonly string[], btf: Btf): ReadonlyMap<string, Btf> {
  return new Map(
    names.map((name) => {
      const types = typesOf(name, btf);
      if ("problem" in types) {
        throw new UsageError(`--modules ${quote(name)}: ${types.problem}`);
      }
      return [name, types];
    }),
  );
}

/** The declarations of the kernels whose BTF is in these files, and of modules of the running one. Throws an error that names the file. */
export function kernelDeclarations(paths: readonly string[], modules: readonly string[] = []): string {
  if (modules.length > 0 && !paths.includes(runningKernel)) {
    throw new UsageError(
      `--modules ${quote(modules.join(","))}: expected ${runningKernel} among --kernel: modules are of that one`,
    );
  }
  const names = paths.map((path) => (path === runningKernel ? `Linux ${release()}` : path));
  return declarationsOf(
    paths.map((path): KernelTypes => {
      const btf = Btf.read(path);
      return path === runningKernel ? { btf, modules: modulesOf(modules, btf) } : { btf };
    }),
    names.join(", "),
  );
}

/** Writes them to a file; returns what to tell the user. */
export function writeDeclarations(paths: readonly string[], modules: readonly string[], file: string): string {
  const text = kernelDeclarations(paths, modules);
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw fileProblem(`bpf types: writing ${quote(file)}`, error);
  }
  return `wrote ${shownPath(file)}\n`;
}
