/** Options of `run` that are followed while the agent runs, and what follows them. */
import { isDeepStrictEqual } from "node:util";
import type { Logger } from "pino";
import type { FlagChange, SignalStatus } from "../../engine/running.js";
import { needCgroups } from "../../identity/labels.js";
import { signalFlags, type SignalValues, valuesOf } from "../flags/signals.js";
import type { Kubernetes } from "../kubernetes.js";
import { type RunOptions, seriesLabels } from "./options.js";
import type { RunningAgent } from "../../agent/start-agent.js";

type OptionName = keyof RunOptions;

/** Options that change together. */
export interface LiveOption {
  readonly names: readonly OptionName[];
  /** Prepares the change from `current`; undefined when it needs a restart. What throws has changed nothing. */
  readonly prepare: (options: RunOptions, current: RunOptions) => FlagChange | undefined;
}

/** A change that needs no preparation and cannot fail, but for `apply` itself, which then has changed nothing. */
function simply(apply: (options: RunOptions) => void, options: RunOptions, current: RunOptions): FlagChange {
  return {
    commit: () => {
      apply(options);
    },
    cancel: () => undefined,
    revert: () => {
      apply(current);
    },
  };
}

/** The flags of a signal: they change together, since one setup comes of them. It may have been replaced since the last change. */
function ofSignal(status: SignalStatus): LiveOption {
  return {
    get names() {
      const signals = status.running === undefined ? [] : [status.running.signal];
      return Object.keys(signalFlags(signals, "run")) as (keyof SignalValues)[];
    },
    prepare: (options) =>
      status.running === undefined ? undefined : status.running.reconfigure(valuesOf(status.running.signal, options)),
  };
}

/** All that a running agent follows. */
export function liveOptions(
  { catalog, identity, statuses, host }: Pick<RunningAgent, "catalog" | "identity" | "statuses" | "host">,
  kubernetes: Pick<Kubernetes, "followPodsFor">,
  log: Logger,
): readonly LiveOption[] {
  const plain = (
    name: OptionName,
    apply: (options: RunOptions) => void,
    isPossible: (options: RunOptions) => boolean = () => true,
  ): LiveOption => ({
    names: [name],
    prepare: (options, current) => (isPossible(options) ? simply(apply, options, current) : undefined),
  });
  return [
    ...statuses.map(ofSignal),
    plain(
      "labels",
      (options) => {
        identity.relabel(seriesLabels(options));
        kubernetes.followPodsFor(options.labels);
      },
      (options) => host.cgroups.inRecords || !needCgroups(options.labels),
    ),
    plain("seriesLimit", ({ seriesLimit }) => {
      catalog.seriesLimit = seriesLimit;
    }),
    plain("totalSeriesLimit", ({ totalSeriesLimit }) => {
      catalog.budget.limits = { ...catalog.budget.limits, series: totalSeriesLimit };
    }),
    plain("bodyLimit", ({ bodyLimit }) => {
      catalog.budget.limits = { ...catalog.budget.limits, bytes: bodyLimit };
    }),
    plain("scrapeInterval", ({ scrapeInterval }) => {
      catalog.retention.retentionMs = scrapeInterval;
    }),
    plain("seriesRetention", ({ seriesRetention }) => {
      catalog.retention.seriesRetentionMs = seriesRetention;
    }),
    plain("identityLimit", ({ identityLimit }) => {
      identity.limit = identityLimit;
      identity.cgroups.limit = identityLimit;
    }),
    plain("logLevel", ({ logLevel }) => {
      log.level = logLevel;
    }),
  ];
}

/** The result of options that were read again. */
export interface AppliedOptions {
  /** The current options. */
  readonly options: RunOptions;
  /** What has changed in them. */
  readonly changed: readonly OptionName[];
  /** What differs, but needs a restart. */
  readonly needsRestart: readonly OptionName[];
}

/** Applies what can be applied of options that were read again: all of it, or nothing when any part throws. */
export function applyOptions(current: RunOptions, next: RunOptions, live: readonly LiveOption[]): AppliedOptions {
  const differs = (name: OptionName): boolean => !isDeepStrictEqual(next[name], current[name]);
  const changed: OptionName[] = [];
  const changes: FlagChange[] = [];
  let options = current;
  const committed: FlagChange[] = [];
  try {
    for (const { names, prepare } of live) {
      const differing = names.filter(differs);
      const candidate = { ...options, ...Object.fromEntries(differing.map((name) => [name, next[name]])) };
      const change = differing.length === 0 ? undefined : prepare(candidate, options);
      if (change !== undefined) {
        changes.push(change);
        changed.push(...differing);
        options = candidate;
      }
    }
    for (const change of changes) {
      change.commit();
      committed.push(change);
    }
  } catch (error) {
    for (const change of changes) {
      if (committed.includes(change)) {
        change.revert();
      } else {
        change.cancel();
      }
    }
    throw error;
  }
  const names = Object.keys(next) as OptionName[];
  return { options, changed, needsRestart: names.filter((name) => differs(name) && !changed.includes(name)) };
}
