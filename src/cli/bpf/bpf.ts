/** `ringtap bpf`: what signals in TypeScript alone are written with. */
import type { Command } from "commander";
import { readableFile } from "../flags/values.js";
import { list } from "../../sdk/flags.js";
import { addFlags, commandLineSource, readFlags } from "../flags/flags.js";
import { print } from "../print.js";
import { addExamples } from "../reference/examples.js";

const typesFlags = {
  kernel: list(
    "kernel",
    "<file,...>",
    "BTF of the kernels that signals are to run on; a field that one of them lacks is optional",
    "/sys/kernel/btf/vmlinux",
    readableFile,
  ),
  modules: list("modules", "<name,...>", "modules of the running kernel whose tracepoints are wanted, too", "", String),
};

/** Adds `bpf` with its subcommand to the program. */
export function addBpfCommand(program: Command): void {
  const bpf = program.command("bpf").description("types of the kernel, for signals in TypeScript");

  const types = bpf
    .command("types")
    .description("write the kernel's tracepoints and structs as TypeScript declarations")
    .option("-o, --out <file>", "the file to write; default: standard output");
  addFlags(types, typesFlags);
  addExamples(types, [
    { what: "so that an editor knows the running kernel's fields", command: "ringtap bpf types -o kernel.d.ts" },
  ]);
  types.action(async () => {
    const { kernel, modules } = readFlags(typesFlags, [commandLineSource(types)]);
    const { out } = types.opts<{ out?: string }>();
    const { kernelDeclarations, writeDeclarations } = await import("./types.js");
    if (out === undefined) {
      print(kernelDeclarations(kernel, modules));
    } else {
      print(writeDeclarations(kernel, modules, out));
    }
  });
}
