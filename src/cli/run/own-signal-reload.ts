/** Replacing a user's own signal while the agent runs: when its built files have changed, and at SIGHUP. */
import type { Logger } from "pino";
import type { RunningAgent } from "../../agent/start-agent.js";
import { type OwnSignal, reloadOwnSignal } from "../../engine/own-signals.js";
import { builtStates, type KnownSignals } from "../flags/own-signals.js";
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
  readonly log: Logger;
}

/** Own signals that are followed. */
export interface FollowedSignals {
  /** Replaces at once what has changed, and tries again what was refused. */
  readonly reload: () => void;
  readonly stop: () => void;
}

/** Follows the own signals that run. */
export function followOwnSignals({ agent, known, read, log }: OwnSignalReload): FollowedSignals {
  const { stamps } = known;
  const failed = new Set<string>();
  let working: Promise<void> = Promise.resolve();

  async function replace(own: OwnSignal, stamp: string): Promise<void> {
    const { name } = own.signal;
    stamps.set(name, stamp);
    failed.delete(name);
    try {
      const next = await reloadOwnSignal(own);
      known.put(next);
      await agent.replace(next.signal, valuesOf(next.signal, read()));
      log.info({ signal: name, module: next.entry }, "signal replaced");
    } catch (err) {
      known.put(own);
      failed.add(name);
      log.error({ signal: name, err }, "signal not replaced: the build before it stays");
    }
  }

  /** Replaces those that have changed, one after the other; `now` also those that are being written, and those that failed before. */
  function compare(now: boolean): void {
    working = working.then(async () => {
      for (const own of known.own.values()) {
        const { name } = own.signal;
        const { stamp, areStable } = builtStates(own);
        const hasChanged = stamp !== stamps.get(name) && (areStable || now);
        const isRun = agent.statuses.some((status) => status.name === name);
        if (isRun && (hasChanged || (now && failed.has(name)))) {
          await replace(own, stamp);
        }
      }
    });
  }

  const polls = known.own.size === 0 ? undefined : setInterval(compare, pollIntervalMs, false);
  return {
    reload: () => {
      compare(true);
    },
    stop: () => {
      clearInterval(polls);
    },
  };
}
