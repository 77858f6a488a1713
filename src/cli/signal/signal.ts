/** `ringtap signal`: writing, building and checking signals of one's own. */
import type { Command } from "commander";
import { quote } from "../../log/logger-text.js";
import { toggle } from "../../sdk/flags.js";
import type { AnySignal } from "../../sdk/signal.js";
import { UsageError } from "../errors.js";
import { addFlags, commandLineSource, readFlags } from "../flags/flags.js";
import { environmentSource } from "../flags/environment.js";
import { lineFlags } from "../flags/shared.js";
import { print } from "../print.js";
import { addExamples } from "../reference/examples.js";

const newFlags = {
  typescript: toggle("typescript", "write the program in TypeScript as well, which needs no C compiler"),
};

/** What the generated code, C and TypeScript, has in its names. */
const namePattern = /^[a-z][a-z0-9_]{0,31}$/;

function signalName(text: string, taken: readonly AnySignal[]): string {
  if (!namePattern.test(text)) {
    throw new UsageError(
      `signal new ${quote(text)}: expected a lower-case letter, then up to 31 lower-case letters, digits and _`,
    );
  }
  const names = taken.map(({ name }) => name);
  if (names.includes(text)) {
    throw new UsageError(`signal new ${quote(text)}: the built-in signals are called ${names.join(", ")}`);
  }
  return text;
}

/** Adds `signal` with its subcommands to the program. What they need is imported by the one that runs. */
export function addSignalCommand(program: Command): void {
  const signal = program.command("signal").description("write, build and check a signal of your own");

  const create = signal
    .command("new")
    .description("write a working signal into a new folder: BPF program, module, test")
    .argument("<name>", "of the signal")
    .argument("[dir]", "the folder; default: the name");
  addFlags(create, newFlags);
  addExamples(create, [
    { what: "a signal in the folder hello", command: "ringtap signal new hello" },
    { what: "the same without C", command: "ringtap signal new hello --typescript" },
  ]);
  create.action(async (name: string, folder: string | undefined) => {
    const { typescript } = readFlags(newFlags, [commandLineSource(create), environmentSource(process.env)]);
    const [{ writeSignal }, { signals }] = await Promise.all([import("./new.js"), import("../../signals/index.js")]);
    print(writeSignal(signalName(name, signals), folder ?? name, typescript ? "typescript" : "c"));
  });

  const build = signal
    .command("build")
    .description("compile a signal: its BPF program for x64 and arm64, its module")
    .argument("<dir>", "the signal's folder");
  addExamples(build, [{ what: "compile what is in the folder hello", command: "ringtap signal build hello" }]);
  build.action(async (folder: string) => {
    const { buildSignal } = await import("./build.js");
    print(await buildSignal(folder));
  });

  const check = signal
    .command("check")
    .description("find out whether a signal that is built works here, and what it costs")
    .argument("<dir>", "the signal's folder");
  addFlags(check, lineFlags);
  addExamples(check, [
    { what: "load and attach it, then take it out again", command: "ringtap signal check hello" },
    { what: "the same for programs", command: "ringtap signal check hello --output json" },
  ]);
  check.action(async (folder: string) => {
    const { output } = readFlags(lineFlags, [commandLineSource(check), environmentSource(process.env)]);
    const { checkOwnSignal } = await import("./check.js");
    await checkOwnSignal(folder, output);
  });
}
