/** Options of `run` that are followed while the agent runs, and what follows them. */
import { isDeepStrictEqual } from "node:util";
import type { Logger } from "pino";
import { needCgroups } from "../../identity/labels.js";
import type { SignalOptions } from "../../sdk/signal.js";
import { type Kubernetes, seriesLabels } from "../kubernetes.js";
import type { RunOptions } from "./options.js";
import type { RunningAgent } from "../../agent/start-agent.js";

type OptionName = keyof RunOptions;

/** Options that can change together. */
export interface LiveOption {
  readonly names: readonly OptionName[];
  /** They mean nothing without this one: when it differs from the running agent's, they have to wait for the restart too. */
  readonly within?: OptionName;
  /** Does what is loaded allow it? Else they wait for the restart. */
  readonly isPossible?: (options: RunOptions) => boolean;
  /** Takes them over. What throws must have changed nothing, and comes first in the list. */
  readonly apply: (options: RunOptions) => void;
}

/** Which system calls signals are to know of. */
export function wantedCalls(options: RunOptions): Pick<SignalOptions, "syscall" | "pids" | "comms"> {
  return {
    syscall: {
      mode: options.syscallMode,
      minDuration: options.syscallMinDuration,
      errorsOnly: options.syscallErrorsOnly,
      names: options.syscallNames,
    },
    pids: options.syscallPids,
    comms: options.syscallComms,
  };
}

/** All that a running agent follows. */
export function liveOptions(
  { catalog, identity, running, signalOptions }: RunningAgent,
  kubernetes: Kubernetes,
  log: Logger,
): readonly LiveOption[] {
  return [
    {
      names: ["syscallMinDuration", "syscallErrorsOnly", "syscallNames", "syscallPids", "syscallComms"],
      within: "syscallMode",
      apply: (options) => {
        for (const signal of running) {
          signal.reconfigure({ ...signalOptions, ...wantedCalls(options) });
        }
      },
    },
    {
      names: ["labels"],
      isPossible: (options) => signalOptions.cgroup.inRecords || !needCgroups(options.labels),
      apply: (options) => {
        identity.relabel(seriesLabels(options));
        kubernetes.followPodsFor(options.labels);
      },
    },
    {
      names: ["seriesLimit"],
      apply: ({ seriesLimit }) => {
        catalog.seriesLimit = seriesLimit;
      },
    },
    {
      names: ["identityLimit"],
      apply: ({ identityLimit }) => {
        identity.limit = identityLimit;
        identity.cgroups.limit = identityLimit;
      },
    },
    {
      names: ["logLevel"],
      apply: ({ logLevel }) => {
        log.level = logLevel;
      },
    },
  ];
}

/** What became of options that were read again. */
export interface Takeover {
  /** Those in force now. */
  readonly options: RunOptions;
  /** What has changed in them. */
  readonly changed: readonly OptionName[];
  /** What would have, but takes a restart. */
  readonly waiting: readonly OptionName[];
}

/** Takes over what can be of options that were read again. What throws has changed nothing. */
export function takeOver(inForce: RunOptions, next: RunOptions, live: readonly LiveOption[]): Takeover {
  const differs = (name: OptionName): boolean => !isDeepStrictEqual(next[name], inForce[name]);
  const changing = live.filter(
    ({ names, within, isPossible }) =>
      names.some(differs) && (within === undefined || !differs(within)) && (isPossible?.(next) ?? true),
  );
  const changed = changing.flatMap(({ names }) => names.filter(differs));
  const options = { ...inForce, ...Object.fromEntries(changed.map((name) => [name, next[name]])) };
  for (const { apply } of changing) {
    apply(options);
  }
  const waiting = (Object.keys(next) as OptionName[]).filter((name) => differs(name) && !changed.includes(name));
  return { options, changed, waiting };
}
