/** Writing files of signals: where, how paths are shown, and what goes wrong. */
import { existsSync, mkdirSync } from "node:fs";
import { dirname, relative } from "node:path";
import { escapeControls, messageOf } from "../../log/error-text.js";

/** What to do about an error of the system, by its code. */
const advice: Readonly<Record<string, string>> = {
  EACCES: "choose a folder that you may write, or become its owner",
  EROFS: "choose a folder on a file system that can be written",
  ENOSPC: "free some space, or choose another folder",
  EDQUOT: "free some space, or choose another folder",
  ENOTDIR: "remove the file that is in the place of a folder, or choose another path",
  EEXIST: "remove what is in its place",
  EISDIR: "remove the folder that is in the place of a file",
  ENOENT: "choose a path in a folder in which folders can be made",
};

/** An error of the system as `doing: cause: what to do`; other errors as they are. */
export function fileProblem(doing: string, error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  const fix = error instanceof Error && "syscall" in error && code !== undefined ? advice[code] : undefined;
  return fix === undefined ? error : new Error(`${doing}: ${messageOf(error)}: ${fix}`);
}

/** Makes a folder and those above it. Returns the first that was not there; undefined when all were. (Node's own never returns in /proc.) */
export function makeFolder(path: string): string | undefined {
  if (existsSync(path)) {
    return undefined;
  }
  const first = makeFolder(dirname(path));
  mkdirSync(path);
  return first ?? path;
}

/** A path from the working directory on, as a line shows it. */
export function shownPath(path: string): string {
  return escapeControls(relative(process.cwd(), path) || ".");
}

/** A path as an argument in a shell. */
export function shellPath(path: string): string {
  const text = relative(process.cwd(), path) || ".";
  const safe = text.startsWith("-") ? `./${text}` : text;
  if (/^[\w./~@%+=:,-]+$/.test(safe) && !safe.startsWith("~")) {
    return safe;
  }
  const escaped = escapeControls(safe);
  return escaped === safe ? `'${safe.replaceAll("'", "'\\''")}'` : `$'${escaped.replaceAll("'", "\\'")}'`;
}
