/** Replacing a user's own signal while the agent runs: when its built files have changed, and at SIGHUP. */
import type { Logger } from "pino";
import type { RunningAgent } from "../../agent/start-agent.js";
import type { FileStates } from "../../config/watched-files.js";
import { type OwnSignal, reloadOwnSignal } from "../../engine/own-signals.js";
import { builtStates, folderState, type KnownSignals } from "../flags/own-signals.js";
import { valuesOf } from "../flags/signals.js";
import type { RunOptions } from "./options.js";

/** How often the files are compared, milliseconds. */
const pollIntervalMs = 1_000;

/** What is replaced, and by what rules. */
export interface OwnSignalReload {
  readonly agent: Pick<RunningAgent, "replace" | "statuses">;
  readonly known: KnownSignals;
  /** Reads the options anew, by the flags of the signals that are known. Throws a UsageError. */
  readonly read: () => RunOptions;
  /** Called when a signal has been replaced: it may have other flags. */
  readonly onReplaced: () => void;
  readonly log: Logger;
}

/** Own signals that are followed. */
export interface FollowedSignals {
  /** Replaces at once what has changed, and tries again what was refused. */
  readonly reload: () => void;
  readonly stop: () => void;
}

/** Follows the own signals that run. */
export function followOwnSignals({ agent, known, read, onReplaced, log }: OwnSignalReload): FollowedSignals {
  const { stamps } = known;
  /** Those that were refused, and the state of their folders then. */
  const refused = new Map<string, string>();
  /** Those whose files were gone at the last comparison. */
  let missing = new Set<string>();
  let working: Promise<void> = Promise.resolve();
  let isWaiting = false;
  let isUrgent = false;

  async function replace(own: OwnSignal, stamp: string): Promise<void> {
    const { name } = own.signal;
    stamps.set(name, stamp);
    refused.delete(name);
    const state = folderState(own);
    try {
      const next = await reloadOwnSignal(own);
      known.put(next);
      await agent.replace(next.signal, valuesOf(next.signal, read()));
      log.info({ signal: name, module: next.entry }, "signal replaced");
      onReplaced();
    } catch (err) {
      known.put(own);
      refused.set(name, state);
      log.error({ signal: name, err }, "signal not replaced: the build before it stays");
    }
  }

  /** Has a signal to be loaded anew? `now` says that it need not be waited for files to be left alone, and that what was refused is tried again. */
  function isDue(own: OwnSignal, { stamp, areStable }: FileStates, now: boolean): boolean {
    const { name } = own.signal;
    if (!agent.statuses.some((status) => status.name === name)) {
      return false;
    }
    // In the middle of an installation the files may be gone for a moment.
    const mayLoad = stamp === "" ? missing.has(name) : areStable;
    if (stamp !== stamps.get(name)) {
      return now || mayLoad;
    }
    const state = refused.get(name);
    return state !== undefined && (now || (mayLoad && folderState(own) !== state));
  }

  async function compare(now: boolean): Promise<void> {
    const gone = new Set<string>();
    for (const own of [...known.own.values()]) {
      const states = builtStates(own);
      if (isDue(own, states, now)) {
        await replace(own, states.stamp);
      }
      if (states.stamp === "") {
        gone.add(own.signal.name);
      }
    }
    missing = gone;
  }

  /** Replaces those that have changed, one after the other. However often this is called, one comparison waits at the most. */
  function follow(now: boolean): void {
    isUrgent ||= now;
    if (isWaiting) {
      return;
    }
    isWaiting = true;
    working = working.then(async () => {
      const urgent = isUrgent;
      isWaiting = isUrgent = false;
      try {
        await compare(urgent);
      } catch (err) {
        log.error({ err }, "comparing the files of own signals failed");
      }
    });
  }

  const polls = known.own.size === 0 ? undefined : setInterval(follow, pollIntervalMs, false);
  return {
    reload: () => {
      follow(true);
    },
    stop: () => {
      clearInterval(polls);
    },
  };
}
