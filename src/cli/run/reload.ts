/** Reading the options again while the agent runs: when the configuration file has changed, and at SIGHUP. */
import type { Command } from "commander";
import type { Logger } from "pino";
import type { KnownSignals } from "../flags/own-signals.js";
import { isReadOnce } from "../../config/text-file.js";
import { watchFiles } from "../../config/watched-files.js";
import { type LiveOption, applyOptions } from "./live-options.js";
import { flagsOf, readRunOptions, type RunOptions } from "./options.js";

/** How often the configuration file is checked for a change, milliseconds. */
const checkIntervalMs = 1_000;

/** The options of `run`, which can be read again. */
export interface OptionsSource {
  /** The signals that there are. */
  readonly known: KnownSignals;
  /** As the agent starts with them. */
  readonly initial: RunOptions;
  /** The configuration files that are read once, because they are no regular files. */
  readonly readOnce: () => readonly string[];
  /** Is there a configuration file? Which one it is cannot change. */
  readonly hasFile: () => boolean;
  /** Has it changed since it was last read? */
  readonly hasChanged: () => boolean;
  /** Reads all again, by the same precedence. Throws a UsageError. */
  readonly reread: (current: RunOptions) => RunOptions;
  /** The same, but a change of the configuration file stays one. */
  readonly peek: (current: RunOptions) => RunOptions;
}

/** How the last reload went. */
export interface ReloadStatus {
  readonly successful: boolean;
  /** When options were last applied, at the start or by a reload, milliseconds since 1970. */
  readonly succeededAt: number;
}

/** What else is done when options are read again. */
export interface Followers {
  /** At SIGHUP. */
  readonly onHangUp: () => void;
  /** At SIGHUP and when the configuration file has changed, whether or not the options are right; the options have been applied. */
  readonly onReload: () => void;
}

/** Options that are followed. */
export interface FollowedOptions {
  readonly status: () => ReloadStatus;
  /** The current options as another build of a signal reads them. Throws a UsageError when it refuses one of its flags. */
  readonly read: () => RunOptions;
  /** Begins: `live` follows the options. A SIGHUP that came earlier is handled then. */
  readonly start: (live: readonly LiveOption[], then: Followers) => void;
  /** Reads the options again if that failed the last time: the signals' flags are others now. */
  readonly retry: () => void;
  readonly stop: () => void;
}

/** Reads the options of `run` for the first time: see {@link readRunOptions}. */
export function openRunOptions(
  command: Command,
  known: KnownSignals,
  environment: Readonly<NodeJS.ProcessEnv> = process.env,
): OptionsSource {
  const files = watchFiles();
  const read = (current?: RunOptions): RunOptions => {
    files.clear();
    return readRunOptions(command, known, environment, { onFile: files.note, current });
  };
  const peek = (current: RunOptions): RunOptions => readRunOptions(command, known, environment, { current });
  const readOnce = (): readonly string[] => files.paths().filter(isReadOnce);
  const hasFile = (): boolean => files.paths().length > 0;
  return { known, initial: read(), readOnce, hasFile, hasChanged: files.haveChanged, reread: read, peek };
}

/** From now on SIGHUP no longer ends the process. The returned function says whether one has come until it is called, once. */
export function noteHangUp(): () => boolean {
  let noted = false;
  const note = (): void => {
    noted = true;
  };
  process.on("SIGHUP", note);
  return () => {
    process.off("SIGHUP", note);
    return noted;
  };
}

/** Follows options from the first SIGHUP on that `hasHungUp` says. */
export function followOptions(source: OptionsSource, log: Logger, hasHungUp: () => boolean): FollowedOptions {
  let current = source.initial;
  let status: ReloadStatus = { successful: true, succeededAt: Date.now() };
  let started: { readonly live: readonly LiveOption[]; readonly then: Followers } | undefined;
  let timer: NodeJS.Timeout | undefined;

  function reload(live: readonly LiveOption[]): void {
    try {
      const { options, changed, needsRestart } = applyOptions(current, source.reread(current), live);
      current = options;
      status = { successful: true, succeededAt: Date.now() };
      log.info(
        { changed: changed.length === 0 ? "nothing" : flagsOf(changed, source.known) },
        "configuration reloaded",
      );
      for (const file of source.readOnce()) {
        log.warn({ file }, "this configuration file is no regular file and was read once, at the start");
      }
      if (needsRestart.length > 0) {
        log.warn({ flags: flagsOf(needsRestart, source.known) }, "a change of these needs a restart");
      }
    } catch (err) {
      status = { ...status, successful: false };
      log.error({ err }, "configuration not reloaded: the current settings remain in use");
    }
  }

  const onHangUp = (): void => {
    hungUp = started === undefined;
    if (started !== undefined) {
      reload(started.live);
      started.then.onHangUp();
      started.then.onReload();
    }
  };
  process.on("SIGHUP", onHangUp);
  let hungUp = hasHungUp();

  return {
    status: () => status,
    read: () => source.peek(current),
    start(live, then) {
      started = { live, then };
      if (source.hasFile()) {
        timer = setInterval(() => {
          if (source.hasChanged()) {
            reload(live);
            then.onReload();
          }
        }, checkIntervalMs);
      }
      if (hungUp) {
        onHangUp();
      }
    },
    retry() {
      if (started !== undefined && !status.successful) {
        reload(started.live);
      }
    },
    stop() {
      clearInterval(timer);
      started = undefined;
    },
  };
}
