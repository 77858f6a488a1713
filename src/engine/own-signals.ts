/** Users' own signals: finding them in folders and packages, whether they may be run at all, and loading their modules. */
import { existsSync, readFileSync, statSync } from "node:fs";
import module, { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { packageFolder } from "../binding/installation.js";
import { entriesOf, isWithin, trustedFolder } from "../host/trusted-files.js";
import { foreignError } from "../log/error-text.js";
import type { AnySignal } from "../sdk/signal.js";
import { interfaces } from "./interfaces.js";
import { buildUrl, type HooksData, initialize, resolveSync } from "./module-hooks.js";
import { RunLimit } from "./run-limit.js";
import { checkSignal } from "./signal-shape.js";
import { completesWithin } from "./time-limit.js";

/** A signal that is not part of ringtap. */
export interface OwnSignal {
  readonly signal: AnySignal;
  /** Its folder, as a real path. */
  readonly folder: string;
  /** The module. */
  readonly entry: string;
}

/** What a package.json says; an empty object where there is none. Throws an error that names the file. */
export function readPackage(folder: string): Readonly<Record<string, unknown>> {
  const path = join(folder, "package.json");
  let described: unknown;
  if (!isFile(path)) {
    return {};
  }
  try {
    described = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw foreignError(path, error);
  }
  if (typeof described !== "object" || described === null || Array.isArray(described)) {
    throw new Error(`${path}: expected an object such as {"type":"module"}`);
  }
  return described as Readonly<Record<string, unknown>>;
}

/** Is it a file? False when there is nothing; throws for anything else, which must not be opened. */
function isFile(path: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats?.isFile() === false) {
    throw new Error(`${path} is no file`);
  }
  return stats !== undefined;
}

/** The entry of a package: what its `exports` or `main` says, else `dist/signal.js`. */
function entryOf(folder: string): string {
  const path = join(folder, "package.json");
  const described = readPackage(folder);
  const named = importedBy(described.exports) ?? described.main ?? "dist/signal.js";
  if (typeof named !== "string") {
    throw new Error(`${path}: neither "exports" nor "main" names a module`);
  }
  const entry = resolve(folder, named);
  if (!isWithin(folder, entry)) {
    throw new Error(`${path}: ${JSON.stringify(named)} is not in the folder`);
  }
  if (!isFile(entry)) {
    throw new Error(`${entry} does not exist: run ringtap signal build ${folder}`);
  }
  return entry;
}

/** What an import of the package itself gets by its `exports`. */
function importedBy(exports: unknown): unknown {
  if (typeof exports !== "object" || exports === null) {
    return exports;
  }
  const conditions = exports as Record<string, unknown>;
  return importedBy(conditions["."] ?? conditions.import ?? conditions.node ?? conditions.default);
}

/** The folder of an installed package: beside this installation, or where Node looks from the working directory. */
export function packageFolderOf(name: string): string | undefined {
  if (!/^(@[a-z0-9~-][\w.~-]*\/)?[a-z0-9~-][\w.~-]*$/i.test(name)) {
    return undefined;
  }
  const starts = [join(packageFolder, "package.json"), join(process.cwd(), "package.json")];
  const places = starts.flatMap((start) => createRequire(start).resolve.paths(name) ?? []);
  return places.map((place) => join(place, name)).find((folder) => existsSync(join(folder, "package.json")));
}

let hooksInstalled = false;

/** Lets Node resolve modules of these folders as {@link module-hooks} says. */
function installHooks(folders: readonly string[]): void {
  const data: HooksData = { folders, interfaces };
  initialize(data);
  const { registerHooks } = module as { registerHooks?: (hooks: object) => unknown };
  if (registerHooks === undefined) {
    // Each registration has a copy of the module of its own, with its folders.
    module.register("./module-hooks.js", { parentURL: import.meta.url, data });
  } else if (!hooksInstalled) {
    registerHooks({ resolve: resolveSync });
  }
  hooksInstalled = true;
}

/** What a module exports that is no signal, for messages. */
function described(value: unknown): string {
  if (value instanceof Promise) {
    return "a promise";
  }
  return Array.isArray(value) ? "a list" : typeof value === "function" ? "a function" : "no signal";
}

/** The Signal that a module exports: by default, or as its only export that has an `api`. */
function exportedSignal(exports: Readonly<Record<string, unknown>>): unknown {
  const hasApi = (value: unknown): boolean => typeof value === "object" && value !== null && "api" in value;
  const candidates = Object.values(exports).filter(hasApi);
  if (!hasApi(exports.default) && candidates.length !== 1) {
    throw new Error(
      candidates.length === 0
        ? `exports ${described(exports.default)}: want one signal, \`export default\` of what tracepoint(…) or defineSignal(…) returns`
        : "exports several signals: want one, by default",
    );
  }
  return hasApi(exports.default) ? exports.default : candidates[0];
}

/** Refuses an object that is not in the signal's own folder, where it has been checked who may change it. */
function checkObject({ object }: AnySignal, folder: string): void {
  if (!(object instanceof URL)) {
    return;
  }
  const path = fileURLToPath(object);
  if (!isFile(path)) {
    throw new Error(`its object ${path} does not exist: run ringtap signal build ${folder}`);
  }
  if (!isWithin(folder, path)) {
    throw new Error(`its object ${path} is not in the folder`);
  }
}

/** How long a module may take to load, milliseconds. */
const importTimeoutMs = 10_000;

/** Imports a module of a user's. It may neither end the process nor keep it waiting for ever. */
async function importModule(url: string): Promise<Record<string, unknown>> {
  const exit = Object.getOwnPropertyDescriptor(process, "exit") ?? {};
  process.exit = () => {
    throw new Error("calls process.exit() when it is imported");
  };
  const limit = new RunLimit(importTimeoutMs);
  let exports: Record<string, unknown> | undefined;
  try {
    const work = import(url).then((module: Record<string, unknown>) => {
      exports = module;
    });
    await completesWithin(work, importTimeoutMs);
  } finally {
    limit.close();
    Object.defineProperty(process, "exit", exit);
  }
  if (exports === undefined) {
    const why = limit.hasEnded
      ? "its code does not come to an end: does it loop for ever?"
      : "what it awaits at its top level does not come";
    throw new Error(`is not loaded after ${importTimeoutMs / 1000} s: ${why}`);
  }
  return exports;
}

async function importSignal(folder: string, build: number): Promise<OwnSignal> {
  const entry = entryOf(folder);
  try {
    const signal = exportedSignal(await importModule(buildUrl(entry, build)));
    checkSignal(signal);
    checkObject(signal, folder);
    return { signal, folder, entry };
  } catch (error) {
    throw foreignError(entry, error);
  }
}

function checkFolder(path: string): string {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new Error(path === "" ? "expected a folder" : `${path} is not a folder`);
  }
  return trustedFolder(path);
}

/**
 * Loads the signals of folders. Their modules are run, so first each folder is checked: see {@link trustedFolder}. Throws an error of
 * one line that names the folder or the file.
 */
export async function loadOwnSignals(paths: readonly string[]): Promise<OwnSignal[]> {
  const folders = paths.map(checkFolder);
  if (folders.length === 0) {
    return [];
  }
  installHooks(folders);
  const found: OwnSignal[] = [];
  for (const folder of folders) {
    found.push(await importSignal(folder, 0));
  }
  return found;
}

let builds = 0;

/** Loads a signal's module anew, as it lies in its folder now. Node keeps the modules of earlier builds until the process ends. */
export async function reloadOwnSignal({ signal, folder }: OwnSignal): Promise<OwnSignal> {
  const next = await importSignal(checkFolder(folder), ++builds);
  if (next.signal.name !== signal.name) {
    throw new Error(`${next.entry}: the signal is called ${next.signal.name}, no more ${signal.name}`);
  }
  return next;
}

/** The files that a signal was built into: its package.json, and all in the folder of its module, packages that it imports aside. */
export function builtFiles({ folder, entry }: OwnSignal): string[] {
  const own = entriesOf(dirname(entry)).filter((path) => !path.includes("/node_modules/"));
  return [join(folder, "package.json"), ...own];
}
