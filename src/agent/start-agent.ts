/** The agent: signals, tables, identity and the live view put together, for every command and for other programs. */
import { Cgroups } from "../identity/cgroups.js";
import { defaultIdentityLimit, defaultLabels, type PidSeries } from "../identity/defaults.js";
import { Identity } from "../identity/identity.js";
import { wallClock } from "../views/clock.js";
import { declaredViews } from "../views/declared.js";
import { createLive, type Live } from "../views/live.js";
import { Catalog, defaultSeriesLimit } from "../metrics/catalog.js";
import { type BudgetLimits, defaultBudget } from "../metrics/series-budget.js";
import { Engine } from "../engine/engine.js";
import { lossesOf, LossLog } from "../engine/loss-log.js";
import type { GuardTimes } from "../engine/overhead/guard.js";
import { OverheadLimit } from "../engine/overhead/limit.js";
import { judgedWindows, Overhead, type Windows } from "../engine/overhead/overhead.js";
import { declareOverhead, declareProgramStats, declareSelfMetrics } from "../engine/self-metrics.js";
import type { AnySignal, SignalHost } from "../sdk/signal.js";
import type { FlagTable, FlagValues } from "../sdk/flags.js";
import type { PeerDirectory } from "../sdk/peers.js";
import { runningOf, type SignalSet, startSignals } from "../engine/signal-set.js";
import { type AgentLog, startSignal } from "../engine/start-signal.js";
import type { RunningSignal } from "../engine/running.js";
import { type AgentLoads, beginAgent, type BegunAgent } from "./begin-agent.js";

/** How an agent is to run. */
export interface AgentSetup extends AgentLoads {
  /** Where problems are reported. */
  readonly log: AgentLog;
  /** What {@link beginAgent} has begun for the same loads. Default: they begin now. */
  readonly begun?: BegunAgent | undefined;
  /** The most series of a metric. Default {@link defaultSeriesLimit}. */
  readonly seriesLimit?: number | undefined;
  /** The most that all metrics use together. Default {@link defaultBudget}. */
  readonly budget?: BudgetLimits | undefined;
  /** Which processes have series of their own, where labels have a pid. Default `all`. */
  readonly pidSeries?: PidSeries | undefined;
  /** The longest time between two scrapes of one of several scrapers, milliseconds. Default 30,000. */
  readonly scrapeIntervalMs?: number | undefined;
  /** How long series without a pid stay after their container has gone, milliseconds. Default: a day. */
  readonly seriesRetentionMs?: number | undefined;
  /** The most processes, and the most control groups, that are tracked. Default {@link defaultIdentityLimit}. */
  readonly identityLimit?: number | undefined;
  /** When the cost is measured, and judged. Default: 50 ms each five seconds; 20 each two where there is a limit, judged each 15 seconds. */
  readonly overheadTimes?: { readonly windows: Windows; readonly guard: GuardTimes } | undefined;
  /** Called once a second: so many milliseconds late the event loop came to the timer. */
  readonly late?: ((milliseconds: number) => void) | undefined;
  /** Start all signals or none. Default false. */
  readonly strict?: boolean | undefined;
  /** Who is at the other end of connections. Default: no one knows. */
  readonly peers?: PeerDirectory | undefined;
}

/** An agent at work. */
export interface RunningAgent extends SignalSet {
  readonly catalog: Catalog;
  readonly identity: Identity;
  /** What the signals were started for. */
  readonly host: SignalHost;
  /** The signals that run now. */
  readonly running: readonly RunningSignal[];
  /** What `top`, the page and the library show. */
  readonly live: Live;
  /**
   * Runs another build of one of the signals, with these flags, in the place of the one that runs: the others lose nothing. Rejects
   * when it does not load, start or attach; the previous build goes on running then.
   */
  replace(signal: AnySignal, flags: FlagValues<FlagTable>): Promise<void>;
  /** Brings every table up to date, as before a scrape. */
  collect(): Promise<void>;
  /** Takes in what is left, then takes everything out of the kernel. */
  close(): void;
}

/** Loads and attaches the signals and begins to count. Call {@link requireKernel} first; throws as {@link startSignals} does. */
export function startAgent(setup: AgentSetup): RunningAgent {
  const { labels = defaultLabels } = setup;
  const { seriesLimit = defaultSeriesLimit, seriesRetentionMs, identityLimit = defaultIdentityLimit } = setup;
  const { choice, how, begun } = setup.begun ?? beginAgent({ ...setup, byPeer: setup.peers !== undefined });
  const { wanted } = choice;
  const retentionMs = setup.scrapeIntervalMs;
  const catalog = new Catalog({ seriesLimit, seriesRetentionMs, retentionMs, budget: setup.budget ?? defaultBudget });
  const cgroups = new Cgroups({ limit: identityLimit });
  const identity = new Identity(catalog, labels, { limit: identityLimit, cgroups, pidSeries: setup.pidSeries });
  const { peers, log, overheadLimit, overheadTimes } = setup;
  const strict = setup.strict ?? false;
  const { statuses } = startSignals(catalog, identity, { ...how, ...choice, begun, strict, peers, log });
  for (const { signal, problem } of declaredViews(catalog, identity, statuses).problems) {
    if (wanted.includes(signal)) {
      setup.log.warn({ signal, problem }, "a view of the signal is left out");
    }
  }
  const losses = new LossLog(setup.log);
  const checkLosses = (): void => {
    losses.check(lossesOf(catalog, identity, runningOf(statuses)));
  };
  const engine = new Engine(runningOf(statuses), identity, checkLosses, setup.late);
  const windows = overheadTimes?.windows ?? (overheadLimit === undefined ? undefined : judgedWindows);
  const overhead = new Overhead(() => runningOf(statuses), windows);
  const limit =
    overheadLimit === undefined
      ? undefined
      : new OverheadLimit(overheadLimit, { statuses, overhead, engine, log }, overheadTimes?.guard);
  const refresh = [
    declareSelfMetrics(catalog, statuses),
    declareOverhead(catalog, statuses, overhead),
    declareProgramStats(catalog, statuses, how.countRuns === true),
    ...(limit === undefined ? [] : [limit.declare(catalog)]),
  ];
  const collect = async (): Promise<void> => {
    const began = Date.now();
    await engine.collect();
    catalog.renders.haveRead(began);
    for (const each of refresh) {
      each();
    }
  };
  const clock = wallClock();
  const live = createLive({
    catalog,
    identity,
    signals: statuses,
    collect,
    utc: (time) => clock.utc(time),
    programSeconds: (signal) => overhead.secondsOf(signal),
  });
  engine.start();
  overhead.start(() => limit?.check());
  return {
    catalog,
    identity,
    host: how.host,
    get running() {
      return runningOf(statuses);
    },
    statuses,
    live,
    collect,
    replace(signal, flags) {
      const state = statuses.find(({ name }) => name === signal.name);
      return engine.replace(state?.running, () => {
        const replaces = state?.running;
        const next = startSignal(signal, {
          ...how,
          flags: { [signal.name]: flags },
          peers,
          log,
          catalog,
          identity,
          replaces,
        });
        if (state !== undefined) {
          state.running = next;
          state.problem = undefined;
        }
        return next;
      });
    },
    close() {
      overhead.stop();
      engine.close();
    },
  };
}
