/** Files whose content is run with the rights of this process: no one but root and the process's user may be able to change them. */
import { lstatSync, readdirSync, realpathSync, type Stats } from "node:fs";
import { dirname, join, resolve, sep } from "node:path";

/** A folder with more entries is no folder of a program's. */
const mostEntries = 20_000;

const stickyBit = 0o1000;
const writableByOthers = 0o022;

/** Who else than root and the process's user can change a file, in words; undefined when no one can. */
function othersOf(stats: Stats): string | undefined {
  const { uid, mode } = stats;
  if (uid !== 0 && uid !== process.geteuid?.()) {
    return `belongs to the user ${uid}`;
  }
  // The mode of a link says nothing.
  if ((mode & writableByOthers) !== 0 && !stats.isSymbolicLink()) {
    return `is writable by ${(mode & 0o002) === 0 ? "its group" : "everyone"}`;
  }
  return undefined;
}

function refuse(path: string, reason: string): never {
  throw new Error(
    `${path} ${reason}: it must belong to root or to the user of ringtap, and be writable by no one else`,
  );
}

/** What a path is, where it is neither a file nor a folder: to open a FIFO or a device may take for ever. */
function specialKind(stats: Stats): string | undefined {
  if (stats.isFile() || stats.isDirectory() || stats.isSymbolicLink()) {
    return undefined;
  }
  return stats.isFIFO() ? "a FIFO" : stats.isSocket() ? "a socket" : "a device";
}

/** Throws when someone else can put another file in the place of `path`, in a folder on the way to it. */
function checkWayTo(path: string): void {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const stats = lstatSync(folder);
    // In a folder with the sticky bit, such as /tmp, only an entry's owner replaces it.
    const reason = (stats.mode & stickyBit) !== 0 && stats.uid === 0 ? undefined : othersOf(stats);
    if (reason !== undefined) {
      refuse(folder, reason);
    }
    if (folder === dirname(folder)) {
      return;
    }
  }
}

/** Is `path` the folder, or in it? */
export function isWithin(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

/** All entries of a folder, those of its folders among them; links are not followed. Throws for more than is sensible. */
export function entriesOf(folder: string): string[] {
  const found: string[] = [];
  const open = [folder];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const entry of readdirSync(next, { withFileTypes: true })) {
      const path = join(next, entry.name);
      found.push(path);
      if (entry.isDirectory()) {
        open.push(path);
      }
    }
    if (found.length > mostEntries) {
      throw new Error(`${folder} has more than ${mostEntries} entries`);
    }
  }
  return found;
}

/**
 * The real path of a folder. Throws an error that names the file and the reason when someone else than root and this process's user
 * can change anything in it, when a link leads out of it, and when anything in it is neither file, folder nor link.
 */
export function trustedFolder(path: string): string {
  const given = resolve(path);
  const folder = realpathSync(given);
  checkWayTo(given);
  checkWayTo(folder);
  for (const entry of [folder, ...entriesOf(folder)]) {
    const stats = lstatSync(entry);
    if (stats.isSymbolicLink()) {
      const target = realpathSync(entry);
      if (!isWithin(folder, target)) {
        throw new Error(`${entry} is a link out of the folder, to ${target}`);
      }
      continue;
    }
    const kind = specialKind(stats);
    if (kind !== undefined) {
      throw new Error(`${entry} is ${kind}: a signal's folder may have files, folders and links only, so remove it`);
    }
    const reason = othersOf(stats);
    if (reason !== undefined) {
      refuse(entry, reason);
    }
  }
  return folder;
}
