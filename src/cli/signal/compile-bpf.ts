/** Compiling BPF programs, with the headers of this installation. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { packageFolder } from "../../binding/installation.js";
import { printError } from "../print.js";

/** What objects are compiled for, by Node's names. */
export const architectures = ["x64", "arm64"] as const;
export type Architecture = (typeof architectures)[number];

/** The names that libbpf's headers have for them. */
const targets: Readonly<Record<Architecture, string>> = { x64: "x86", arm64: "arm64" };

/** Compilers that are known to do, newest first; Debian calls them by version, too. */
const versions = ["", ...Array.from({ length: 12 }, (_, index) => `-${25 - index}`)];

/** Folders where Debian and Ubuntu keep headers of the machine's; their content is the same for BPF. */
const multiarch = ["x86_64-linux-gnu", "aarch64-linux-gnu"].map((triplet) => `/usr/include/${triplet}`);

/** The path of an LLVM program; `variable` of the environment names another. */
function find(program: string, variable: string): string | undefined {
  const { [variable]: chosen, PATH = "" } = process.env;
  const names = chosen === undefined || chosen === "" ? versions.map((version) => program + version) : [chosen];
  const folders = PATH.split(":");
  return names
    .flatMap((name) => (name.includes("/") ? [name] : folders.map((folder) => join(folder, name))))
    .find((path) => existsSync(path));
}

/** A header that the compiler has not found, and the package of Debian's that has it. */
const headerPackages: readonly (readonly [header: RegExp, name: string])[] = [
  [/'bpf\/[\w./]+' file not found/, "libbpf-dev"],
  [/'(linux|asm|asm-generic)\/[\w./]+' file not found/, "linux-libc-dev"],
];

/**
 * Compiles one source for an architecture. The compiler's messages go to stderr. Throws, in one line, when it or a header of the
 * system is missing, and when the source does not compile.
 */
export function compileBpf(source: string, object: string, architecture: Architecture): void {
  const clang = find("clang", "CLANG");
  if (clang === undefined) {
    throw new Error("building BPF programs: no clang in PATH: install the package clang, or name one by $CLANG");
  }
  // Without -mcpu=v3: atomics that return a value need Linux 5.12.
  const flags = ["-g", "-O2", "-target", "bpf", "-mcpu=v2", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter"];
  const includes = ["-I", join(packageFolder, "bpf/include"), ...multiarch.flatMap((folder) => ["-isystem", folder])];
  const target = `-D__TARGET_ARCH_${targets[architecture]}`;
  const { status, stderr, error } = spawnSync(clang, [...flags, ...includes, target, "-c", source, "-o", object], {
    encoding: "utf8",
    stdio: ["ignore", "inherit", "pipe"],
  });
  if (error !== undefined) {
    throw new Error(`running ${clang}: ${error.message}`);
  }
  if (stderr.includes("No space left on device")) {
    throw new Error(`building ${source}: no space left on the device: free some space`);
  }
  printError(stderr);
  if (status !== 0) {
    const lacking = headerPackages.find(([header]) => header.test(stderr));
    const advice = lacking === undefined ? "" : `: install the package ${lacking[1]}`;
    throw new Error(`building ${source}: ${basename(clang)} has refused it${advice}`);
  }
  strip(object);
}

/** DWARF goes, BTF stays: libbpf relocates with it and the decoders are generated from it. Without llvm-strip, both stay. */
function strip(object: string): void {
  const program = find("llvm-strip", "LLVM_STRIP");
  if (program !== undefined) {
    execFileSync(program, ["-g", object], { stdio: ["ignore", "inherit", "inherit"] });
  }
}
