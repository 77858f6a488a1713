/** `ringtap signal build`: from C and TypeScript to what is loaded. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { setImmediate as nextTurn, setTimeout } from "node:timers/promises";
import { decoderSource } from "../../binding/decoder-source.js";
import { native } from "../../binding/native.js";
import { readPackage } from "../../engine/own-signals.js";
import { quote } from "../../log/logger-text.js";
import { UsageError } from "../errors.js";
import { compileBpf, type Architecture, architectures } from "./compile-bpf.js";
import { compileModule } from "./compile-module.js";
import { fileProblem, shownPath } from "./files.js";

/** The one BPF source of a folder; undefined where there is a module alone, which makes its program itself. */
function sourceIn(folder: string): string | undefined {
  const files = readdirSync(folder);
  const sources = files.filter((file) => file.endsWith(".bpf.c"));
  if (sources.length > 1) {
    throw new UsageError(
      `signal build ${quote(folder)}: expected one file <name>.bpf.c in it, found ${sources.join(", ")}`,
    );
  }
  if (sources.length === 0 && !files.includes("signal.ts")) {
    throw new UsageError(
      `signal build ${quote(folder)}: expected signal.ts in it, and of a signal in C one file <name>.bpf.c; ringtap signal new writes them`,
    );
  }
  return sources[0];
}

/** A module of a package that says so: Node and TypeScript both ask. */
function checkPackage(folder: string): void {
  if (readPackage(folder).type !== "module") {
    throw new Error(`building ${folder}: package.json: expected "type": "module" in it`);
  }
}

/** Writes the decoders of an object's records, unless they are there; returns the files that it has written. */
function writeDecoders(object: string, source: string, target: string): string[] {
  const opened = native.open(object);
  try {
    const text = decoderSource(opened, `by ringtap signal build from ${source}`);
    if (existsSync(target) && readFileSync(target, "utf8") === text) {
      return [];
    }
    writeFileSync(target, text);
    return [target];
  } finally {
    opened.close();
  }
}

/** Refuses what is no file in the place of one: to read a FIFO or a device may take for ever. */
function checkFiles(folder: string, names: readonly string[]): void {
  for (const path of names.map((name) => join(folder, name))) {
    if (statSync(path, { throwIfNoEntry: false })?.isFile() === false) {
      throw new UsageError(`signal build ${quote(folder)}: expected ${path} to be a file`);
    }
  }
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesIn(join(folder, entry.name)) : [join(folder, entry.name)],
  );
}

/** Moves what was built into its place, all within a moment: an agent that runs the signal reads it once the files no longer change. */
function install(built: string, target: string): string[] {
  return filesIn(built).map((file) => {
    const path = join(target, relative(built, file));
    mkdirSync(dirname(path), { recursive: true });
    renameSync(file, path);
    return path;
  });
}

/**
 * Builds the signal in a folder into `dist/`; returns what to tell the user. What the compilers say goes to stderr. Throws when
 * anything does not compile; `dist/` is as it was then.
 */
export async function buildSignal(path: string): Promise<string> {
  const folder = resolve(path);
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new UsageError(`signal build ${quote(path)}: expected a folder`);
  }
  try {
    return await build(folder);
  } catch (error) {
    throw fileProblem(`building ${folder}`, error);
  }
}

/** Compiles a BPF source for all architectures into `built`; returns the files that were written beside the source. */
function compileObjects(folder: string, source: string, built: string): string[] {
  const name = basename(source, ".bpf.c");
  const objectOf = (architecture: Architecture): string => join(built, architecture, `${name}.bpf.o`);
  for (const architecture of architectures) {
    mkdirSync(dirname(objectOf(architecture)));
    compileBpf(join(folder, source), objectOf(architecture), architecture);
  }
  return writeDecoders(objectOf("x64"), source, join(folder, "records.ts"));
}

const interrupting = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Has these POSIX signals wait until `end()`: they end the process then, with nothing left behind. Compilers get them from the terminal themselves. */
function holdInterruptions(): { end(): Promise<void> } {
  let held: NodeJS.Signals | undefined;
  const hold = (name: NodeJS.Signals): void => {
    held ??= name;
  };
  for (const name of interrupting) {
    process.on(name, hold);
  }
  return {
    async end() {
      // One that came while a compiler ran is delivered when the event loop polls: before the second of two immediates for sure.
      await nextTurn();
      await nextTurn();
      for (const name of interrupting) {
        process.off(name, hold);
      }
      if (held !== undefined) {
        process.kill(process.pid, held);
        await setTimeout(1000);
      }
    },
  };
}

async function build(folder: string): Promise<string> {
  const source = sourceIn(folder);
  checkFiles(folder, [
    ...(source === undefined ? [] : [source]),
    "package.json",
    "signal.ts",
    "records.ts",
    "tsconfig.json",
  ]);
  checkPackage(folder);
  const built = mkdtempSync(join(folder, ".build-"));
  const interruption = holdInterruptions();
  try {
    const decoders = source === undefined ? [] : compileObjects(folder, source, built);
    compileModule(folder, join(folder, "signal.ts"), built);
    return [...decoders, ...install(built, join(folder, "dist"))].map((file) => `wrote ${shownPath(file)}\n`).join("");
  } finally {
    rmSync(built, { recursive: true });
    await interruption.end();
  }
}
