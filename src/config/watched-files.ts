/**
 * Files whose changes are found by polling their stat(2), through symbolic links: so a file may be written in place, replaced by an
 * editor's rename, or swapped by Kubernetes, which replaces a link to a folder.
 */
import { type Stats, statSync } from "node:fs";

export interface WatchedFiles {
  /** Saves the state of a file: call it just before the file is read. */
  note: (path: string) => void;
  /** The files that are watched. */
  paths: () => readonly string[];
  /** Stops watching all files. */
  clear: () => void;
  /** Whether a file has been changed, created or deleted since it was noted, and none was modified within the last 200 ms. */
  haveChanged: () => boolean;
}

/** How long a file must not have been modified before it is read: one that is being rewritten in place is incomplete. */
const quietMs = 200;

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

/** A text that differs between two states of a file. */
function stampOf(stats: Stats | undefined): string {
  return stats === undefined ? "" : [stats.dev, stats.ino, stats.size, stats.mtimeMs, stats.ctimeMs].join();
}

/** Whether a file was modified just now. A change may be ahead of Date.now(), which truncates; far ahead, it precedes a step of the clock back. */
function isRecent(stats: Stats | undefined, now: number): boolean {
  return Math.abs(now - (stats?.ctimeMs ?? 0)) < quietMs;
}

/** The states of some files together. */
export interface FileStates {
  /** Another one when any of them is another. */
  readonly stamp: string;
  /** Has each been left alone for a moment? */
  readonly areStable: boolean;
}

/** The states of these files. */
export function fileStates(paths: readonly string[]): FileStates {
  const now = Date.now();
  const states = paths.map(statOf);
  return {
    stamp: paths.map((path, at) => `${path} ${stampOf(states[at])}`).join("\n"),
    areStable: !states.some((stats) => isRecent(stats, now)),
  };
}

/** Watches no file yet. */
export function watchFiles(): WatchedFiles {
  const stamps = new Map<string, string>();
  return {
    note(path) {
      stamps.set(path, stampOf(statOf(path)));
    },
    paths: () => [...stamps.keys()],
    clear() {
      stamps.clear();
    },
    haveChanged() {
      const now = Date.now();
      let changed = false;
      for (const [file, stamp] of stamps) {
        const stats = statOf(file);
        if (isRecent(stats, now)) {
          return false;
        }
        changed ||= stampOf(stats) !== stamp;
      }
      return changed;
    },
  };
}
