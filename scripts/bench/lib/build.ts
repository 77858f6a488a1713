/** Compiling what a scenario needs of C and BPF, into its scratch folder. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import type { BenchContext } from "./scenario.js";

/** What compiling needs of a context. */
type Places = Pick<BenchContext, "root" | "scratch">;

/** Compiles `source`, a path in the checkout, into the program `name`; returns its path. */
export function compileC({ root, scratch }: Places, source: string, name: string, ...more: string[]): string {
  const program = join(scratch, name);
  execFileSync("gcc", ["-O2", "-Wall", "-Wextra", "-Werror", join(root, source), ...more, "-o", program]);
  return program;
}

/** Compiles `source`, a path in the checkout, into the BPF object `name`, as scripts/build/bpf does; returns its path. */
export function compileBpf({ root, scratch }: Places, source: string, name: string): string {
  const object = join(scratch, name);
  const clang = execFileSync(join(root, "scripts/build/find-clang"), ["clang"], { encoding: "utf8" }).trim();
  const machine = execFileSync("g++", ["-dumpmachine"], { encoding: "utf8" }).trim();
  const target = ["-target", "bpf", `-D__TARGET_ARCH_${process.arch === "arm64" ? "arm64" : "x86"}`, "-mcpu=v2"];
  const warnings = ["-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter"];
  const folders = ["", "bpf/include"].flatMap((folder) => ["-I", join(root, folder)]);
  execFileSync(clang, [
    "-g",
    "-O2",
    ...target,
    ...warnings,
    ...folders,
    "-isystem",
    `/usr/include/${machine}`,
    "-c",
    join(root, source),
    "-o",
    object,
  ]);
  return object;
}
