/**
 * How Node resolves the modules of users' own signals: `ringtap/signal` is this installation's, wherever the signal lies; what a
 * signal imports must be as trustworthy as itself; and another build of it is another module. Runs in a thread of its own where Node
 * has no module.registerHooks (module.register), so it imports nothing that needs the addon.
 */
import { dirname, join } from "node:path";
import { existsSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { isWithin, trustedFolder } from "../host/trusted-files.js";

/** The public interfaces of this installation, by what modules import. */
let interfaces: ReadonlyMap<string, string> = new Map();

/** The query of a module's URL that tells one build of it from another. */
const buildKey = "ringtap-build";

/** The URL under which a build of a module is imported. */
export function buildUrl(path: string, build: number): string {
  const url = pathToFileURL(path);
  if (build > 0) {
    url.searchParams.set(buildKey, `${build}`);
  }
  return url.href;
}

/** What Node's hooks deal with. */
interface Context {
  readonly parentURL?: string | undefined;
}
interface Resolved {
  readonly url: string;
  readonly format?: string | null | undefined;
  readonly shortCircuit?: boolean | undefined;
}

/** Folders of signals, and of packages that these import. */
const trusted = new Set<string>();

/** What the hooks are to know. */
export interface HooksData {
  /** Folders of signals, which have been checked, beside those of earlier calls. */
  readonly folders: readonly string[];
  /** URLs by what signals import. */
  readonly interfaces: readonly (readonly [specifier: string, url: string])[];
}

function trustedRoot(path: string): string | undefined {
  return [...trusted].find((folder) => isWithin(folder, path));
}

/** The folder of the package that a module belongs to; its own folder when it is in none. */
function packageOf(path: string): string {
  for (let folder = dirname(path); folder !== dirname(folder); folder = dirname(folder)) {
    if (existsSync(join(folder, "package.json"))) {
      return folder;
    }
  }
  return dirname(path);
}

function fileOf(url: string | undefined): string | undefined {
  return url?.startsWith("file:") === true ? fileURLToPath(url) : undefined;
}

/** What `parentURL`, a module of a signal, gets for what it imports. Throws when that may be changed by others. */
function admitted(resolved: Resolved, parentURL: string): Resolved {
  const path = fileOf(resolved.url);
  const parent = fileOf(parentURL) ?? "";
  const root = trustedRoot(parent);
  if (path === undefined || root === undefined) {
    return resolved;
  }
  if (trustedRoot(path) === undefined) {
    trusted.add(trustedFolder(packageOf(path)));
  }
  const build = new URL(parentURL).searchParams.get(buildKey);
  if (build === null || !isWithin(root, path)) {
    return resolved;
  }
  const url = new URL(resolved.url);
  url.searchParams.set(buildKey, build);
  return { ...resolved, url: url.href };
}

/** For module.registerHooks. */
export function resolveSync(
  specifier: string,
  context: Context,
  next: (specifier: string, context: Context) => Resolved,
): Resolved {
  const url = interfaces.get(specifier);
  if (url !== undefined) {
    return { url, format: "module", shortCircuit: true };
  }
  const resolved = next(specifier, context);
  return context.parentURL === undefined ? resolved : admitted(resolved, context.parentURL);
}

/** To be called first: by module.register, with the `data` that it was given, and before module.registerHooks. */
export function initialize(data: HooksData): void {
  interfaces = new Map(data.interfaces);
  for (const folder of data.folders) {
    trusted.add(folder);
  }
}

/** The same. */
export async function resolve(
  specifier: string,
  context: Context,
  next: (specifier: string, context: Context) => Promise<Resolved>,
): Promise<Resolved> {
  const url = interfaces.get(specifier);
  if (url !== undefined) {
    return { url, format: "module", shortCircuit: true };
  }
  const resolved = await next(specifier, context);
  return context.parentURL === undefined ? resolved : admitted(resolved, context.parentURL);
}
