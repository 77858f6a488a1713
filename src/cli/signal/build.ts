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
import { decoderSource } from "../../binding/decoder-source.js";
import { native } from "../../binding/native.js";
import { quote } from "../../log/logger-text.js";
import { UsageError } from "../errors.js";
import { compileBpf, type Architecture, architectures } from "./compile-bpf.js";
import { compileModule } from "./compile-module.js";

/** The one BPF source of a folder. */
function sourceIn(folder: string): string {
  const sources = readdirSync(folder).filter((file) => file.endsWith(".bpf.c"));
  const [source] = sources;
  if (source === undefined || sources.length > 1) {
    throw new UsageError(
      `signal build ${quote(folder)}: expected one file <name>.bpf.c in it, found ${sources.join(", ") || "none"}`,
    );
  }
  return source;
}

/** A module of a package that says so: Node and TypeScript both ask. */
function checkPackage(folder: string): void {
  const path = join(folder, "package.json");
  const text = existsSync(path) ? readFileSync(path, "utf8") : "{}";
  let described: unknown;
  try {
    described = JSON.parse(text);
  } catch {
    throw new Error(`building ${folder}: package.json is no JSON`);
  }
  if ((described as { type?: unknown } | null)?.type !== "module") {
    throw new Error(`building ${folder}: package.json: expected "type": "module" in it`);
  }
}

/** Writes the decoders of an object's records, unless they are there. */
function writeDecoders(object: string, source: string, target: string): void {
  const opened = native.open(object);
  try {
    const text = decoderSource(opened, `by ringtap signal build from ${source}`);
    if (!existsSync(target) || readFileSync(target, "utf8") !== text) {
      writeFileSync(target, text);
    }
  } finally {
    opened.close();
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
  const source = sourceIn(folder);
  const name = basename(source, ".bpf.c");
  checkPackage(folder);
  const built = mkdtempSync(join(folder, ".build-"));
  try {
    const objectOf = (architecture: Architecture): string => join(built, architecture, `${name}.bpf.o`);
    for (const architecture of architectures) {
      mkdirSync(dirname(objectOf(architecture)));
      compileBpf(join(folder, source), objectOf(architecture), architecture);
    }
    writeDecoders(objectOf("x64"), source, join(folder, "records.ts"));
    await compileModule(folder, join(folder, "signal.ts"), built);
    return install(built, join(folder, "dist"))
      .map((file) => `wrote ${relative(process.cwd(), file)}\n`)
      .join("");
  } finally {
    rmSync(built, { recursive: true });
  }
}
