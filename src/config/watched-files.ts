/**
 * Files that are followed by looking at them now and then, through symbolic links: so it matters not whether one is written in
 * place, replaced by an editor's rename, or swapped by Kubernetes, which turns a link to a folder.
 */
import { type Stats, statSync } from "node:fs";

export interface WatchedFiles {
  /** Remembers the state of a file: call it just before the file is read. */
  note: (path: string) => void;
  /** Forgets all files. */
  clear: () => void;
  /** Has a file changed, come or gone since it was noted, and has each been left alone for a moment? */
  haveChanged: () => boolean;
}

/**
 * How long a file must have been left alone, milliseconds. One that is rewritten in place is for a moment shorter than it should
 * be, perhaps by the most important part.
 */
const settlingTime = 200;

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

/** Tells one state of a file from another. */
function stampOf(stats: Stats | undefined): string {
  return stats === undefined ? "" : [stats.dev, stats.ino, stats.size, stats.mtimeMs, stats.ctimeMs].join();
}

/** A change can seem to lie ahead: Date.now() leaves fractions out. One that lies far ahead was made before the clock was set back. */
function isSettling(stats: Stats | undefined, now: number): boolean {
  return Math.abs(now - (stats?.ctimeMs ?? 0)) < settlingTime;
}

/** Watches no file yet. */
export function watchFiles(): WatchedFiles {
  const stamps = new Map<string, string>();
  return {
    note(path) {
      stamps.set(path, stampOf(statOf(path)));
    },
    clear() {
      stamps.clear();
    },
    haveChanged() {
      const now = Date.now();
      let changed = false;
      for (const [file, stamp] of stamps) {
        const stats = statOf(file);
        if (isSettling(stats, now)) {
          return false;
        }
        changed ||= stampOf(stats) !== stamp;
      }
      return changed;
    },
  };
}
