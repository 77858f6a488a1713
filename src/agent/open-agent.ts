/** The agent inside another program: `import { openAgent } from "ringtap"`. docs/library.md shows how it is used. */
import { setTimeout as pause } from "node:timers/promises";
import { Registry } from "prom-client";
import { createBody } from "../exposition/metrics-body.js";
import { chooseFormat } from "../exposition/negotiation.js";
import { registerCatalog, type Sample, tableSamples } from "../exposition/register-catalog.js";
import { requireKernel } from "../host/requirements.js";
import { identityLabels } from "../identity/labels.js";
import { type BudgetLimits, defaultBudget } from "../metrics/series-budget.js";
import type { LinkWatch } from "../sdk/links.js";
import type { AnySignal, EventRecord, Signal, Watcher } from "../sdk/signal.js";
import { signals as builtIn } from "../signals/index.js";
import type { Live } from "../views/live.js";
import type { TraceEvent } from "../views/protocol.js";
import { expireUnread } from "../views/snapshot-reads.js";
import type { Tail, TailFilter } from "../views/tail.js";
import type { AgentLog } from "../engine/start-signal.js";
import { checkCount, checkFilter, checkProperties, checkType, checkWords } from "./check-arguments.js";
import { chooseFlags, chooseSignals } from "./choose-signals.js";
import type { SignalFlags, SignalName, SignalRecords } from "./signal-types.js";
import { type RunningAgent, startAgent } from "./start-agent.js";

export type IdentityLabel = (typeof identityLabels)[number];

/** How an agent is to run. Everything has the default that `ringtap run` has; an option that does not exist is refused. */
export interface AgentOptions {
  /** Which signals run: built-in ones by name, signals of your own themselves (`ringtap/signal`). Default: those that `ringtap run` has by default. */
  readonly signals?: readonly (string | AnySignal)[];
  /** Values of the flags of signals, by signal. */
  readonly flags?: SignalFlags & Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>>;
  /** What tells the series of one process from another's. Default `pid`, `comm`. */
  readonly labels?: readonly IdentityLabel[];
  /** Series of a metric, from 1, before further ones are counted under `~other`. Default 100,000. */
  readonly seriesLimit?: number;
  /** Series of all metrics together, from 1,000, before further ones are counted under `~other`. Default 200,000. */
  readonly totalSeriesLimit?: number;
  /** Bytes of {@link Agent.metrics} in any format, from 1 MiB, before further series are counted under `~other`. Default 10 MB. */
  readonly bodyLimit?: number;
  /** Processes, from 1, before further ones are counted under `~other`. Default 32,768. */
  readonly identityLimit?: number;
  /** Bytes of each ring, a power of two from 4,096 to 2^30. Default: what each signal asks for. */
  readonly ringSize?: number;
  /** Fail when any of the signals cannot run, not only when none can. Default false. */
  readonly strict?: boolean;
  /** Gets what works only in part. Default: no log. */
  readonly log?: AgentLog;
}

/** A signal that was asked for, and whether it runs. */
export interface AgentSignal {
  readonly name: string;
  /** Why it does not run; absent when it does. */
  readonly problem?: string;
}

/** The body of a scrape. */
export interface Exposition {
  /** For the header `Content-Type`. */
  readonly contentType: string;
  readonly body: Buffer;
}

/**
 * An agent that runs in this process. Close it in the end, or the process will not end.
 *
 * The series of a process that has ended stay until {@link metrics} or a registry has shown them; where neither is read, five to
 * ten minutes.
 */
export interface Agent extends Live {
  readonly signals: readonly AgentSignal[];
  /** A prom-client registry that {@link metrics} shows together with the tables: a place for metrics of your own. */
  readonly registry: Registry;
  /**
   * Shows `watcher` every record of a signal as it is drained, decoded in place: nothing is allocated, and the record is the
   * kernel's again when `watcher` returns, so copy what is to be kept. What it throws is logged, counted in
   * `ringtap_signal_errors_total{phase="watcher"}` and loses nothing. Returns what ends it. Throws when the signal does not run, and
   * when it has no records.
   */
  onRecord<Name extends SignalName>(signal: Name, watcher: Watcher<SignalRecords[Name]>): () => void;
  onRecord<R extends EventRecord>(signal: Signal<R>, watcher: Watcher<R>): () => void;
  onRecord(signal: string, watcher: Watcher<EventRecord>): () => void;
  /**
   * Events as plain objects, as `ringtap trace --output json` writes them, until `signal` is aborted, the loop is left or the agent is
   * closed. Reads every 100 ms, gives what has come in order of time, and keeps 10,000 events meanwhile; {@link Live.tail} lets you
   * choose, and counts what was beyond the limit.
   */
  events(filter?: TailFilter, signal?: AbortSignal): AsyncGenerator<TraceEvent, void, undefined>;
  /** The samples of one metric, brought up to date. Throws when there is no metric of this name. */
  read(metric: string): Promise<Sample[]>;
  /** What a scraper gets that sends this `Accept` header. */
  metrics(accept?: string): Promise<Exposition>;
  /** Adds every metric to a prom-client registry of your own, to be collected whenever that is rendered, until the agent is closed. */
  registerIn(registry: Registry): void;
  /**
   * Takes everything out of the kernel. Iterations, tails and other watches end; a tail still gives the events that it has. What is
   * read afterwards throws "the agent is closed". A second call does nothing.
   */
  close(): void;
}

const noLog: AgentLog = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** Between two reads of the events, milliseconds, and how many are kept meanwhile. */
const eventsIntervalMs = 100;
const eventsKept = 10_000;

/** Bytes of a ring: the kernel wants whole pages and a power of two. */
const smallestRing = 4096;
const largestRing = 2 ** 30;

const optionTypes = {
  signals: "array",
  flags: "object",
  labels: "array",
  seriesLimit: "number",
  totalSeriesLimit: "number",
  bodyLimit: "number",
  identityLimit: "number",
  ringSize: "number",
  strict: "boolean",
  log: "object",
} as const;

/** The least that the agent's own metrics fit into. */
const smallestBudget: BudgetLimits = { series: 1000, bytes: 2 ** 20 };

function budgetOf({ totalSeriesLimit, bodyLimit }: AgentOptions): BudgetLimits {
  const { series = defaultBudget.series, bytes = defaultBudget.bytes } = { series: totalSeriesLimit, bytes: bodyLimit };
  if (!(series >= smallestBudget.series)) {
    throw new RangeError(`totalSeriesLimit ${series}: want at least ${smallestBudget.series}`);
  }
  if (!(bytes >= smallestBudget.bytes)) {
    throw new RangeError(`bodyLimit ${bytes}: want at least ${smallestBudget.bytes}, in bytes`);
  }
  return { series, bytes };
}

function checkRingSize(bytes: number): void {
  if (!(bytes >= smallestRing && bytes <= largestRing && Number.isInteger(Math.log2(bytes)))) {
    throw new RangeError(`ringSize ${bytes}: want a power of two from ${smallestRing} to ${largestRing}, in bytes`);
  }
}

/** Starts an agent, every option checked before anything is loaded. */
function start(options: AgentOptions): { readonly agent: RunningAgent; readonly wanted: readonly string[] } {
  checkType("the options of an agent", options, "object");
  checkProperties("option", options, optionTypes);
  const { labels, seriesLimit, identityLimit, ringSize, strict } = options;
  const { signals, wanted } = chooseSignals(builtIn, options.signals);
  const flags = chooseFlags(signals, options.flags ?? {});
  checkWords("label", labels ?? [], identityLabels);
  if (ringSize !== undefined) {
    checkRingSize(ringSize);
  }
  for (const [name, count] of Object.entries({ seriesLimit, identityLimit })) {
    if (count !== undefined) {
      checkCount(name, count);
    }
  }
  const budget = budgetOf(options);
  requireKernel();
  const log = options.log ?? noLog;
  const rest = { labels, seriesLimit, budget, identityLimit, ringSize, strict, log };
  return { agent: startAgent({ signals, wanted, flags, ...rest }), wanted };
}

/**
 * Loads the signals into the kernel and begins to count. Wants the privileges that `ringtap run` wants (docs/security.md); throws
 * an error that says what is missing, or why no signal runs, and a RangeError or TypeError for options that cannot be.
 */
export function openAgent(options: AgentOptions = {}): Agent {
  const { agent, wanted } = start(options);
  const { catalog, live } = agent;
  const registry = new Registry();
  const render = createBody({ registry, catalog, collect: [() => agent.collect()] });
  const stopExpiring = expireUnread(catalog);
  const runningNames = (): string[] => agent.running.map(({ signal }) => signal.name);
  /** What is to be ended at close. */
  const watches = new Set<{ close(): void }>();
  const registries = new Set<Registry>();
  let isClosed = false;

  function requireOpen(): void {
    if (isClosed) {
      throw new Error("the agent is closed");
    }
  }

  /** A read that takes time; its numbers are whole only if the agent is open to its end. */
  async function whileOpen<T>(read: () => Promise<T>): Promise<T> {
    requireOpen();
    try {
      return await read();
    } finally {
      requireOpen();
    }
  }

  function openTail(filter: TailFilter, limit: number): Tail {
    requireOpen();
    checkFilter(filter, runningNames());
    checkCount("limit", limit);
    // `process` runs in any case, since identity learns from it.
    const tail = live.tail({ ...filter, signals: filter.signals ?? wanted }, limit);
    const watch = {
      take: () => tail.take(),
      get dropped() {
        return tail.dropped;
      },
      close() {
        watches.delete(watch);
        tail.close();
      },
    };
    watches.add(watch);
    return watch;
  }

  function openLinks(): LinkWatch {
    requireOpen();
    const links = live.watchLinks();
    const watch = {
      links() {
        requireOpen();
        return links.links();
      },
      close() {
        watches.delete(watch);
        links.close();
      },
    };
    watches.add(watch);
    return watch;
  }

  return {
    signals: agent.statuses.map(({ name, problem }) => ({ name, ...(problem === undefined ? {} : { problem }) })),
    registry,
    get views() {
      requireOpen();
      return live.views;
    },
    get columns() {
      requireOpen();
      return live.columns;
    },
    snapshot: () => whileOpen(() => live.snapshot()),
    breakdowns(process) {
      requireOpen();
      return live.breakdowns(process);
    },
    watchLinks: openLinks,
    tail: openTail,
    onRecord(signal: string | AnySignal, watcher: Watcher<never>) {
      requireOpen();
      const name = typeof signal === "string" ? signal : (signal as Partial<AnySignal> | null)?.name;
      checkType("signal", name, "string");
      checkType("watcher", watcher, "function");
      const found = agent.running.find((each) => each.signal.name === name);
      if (found === undefined) {
        throw new Error(`signal ${name} does not run; these do: ${runningNames().join(", ")}`);
      }
      if (found.signal.ring === undefined) {
        throw new Error(`signal ${name} has no records`);
      }
      return found.watch(watcher as Watcher);
    },
    async *events(filter = {}, signal) {
      const tail = openTail(filter, eventsKept);
      try {
        while (signal?.aborted !== true) {
          yield* tail.take().map(({ event }) => event);
          if (isClosed) {
            return;
          }
          await pause(eventsIntervalMs, undefined, { signal }).catch(() => undefined);
        }
      } finally {
        tail.close();
      }
    },
    read: (metric) =>
      whileOpen(async () => {
        await agent.collect();
        catalog.collect();
        for (const table of catalog) {
          if (table.name === metric) {
            return [...tableSamples(table)];
          }
        }
        throw new Error(`no metric ${metric}: docs/metrics.md has their names`);
      }),
    metrics: (accept) =>
      whileOpen(async () => {
        checkType("accept", accept ?? "", "string");
        const { format, contentType } = chooseFormat(accept);
        const pieces: Buffer[] = [];
        for await (const piece of render(format)) {
          pieces.push(piece);
        }
        return { contentType, body: Buffer.concat(pieces) };
      }),
    registerIn(own) {
      requireOpen();
      if (typeof (own as Partial<Registry> | undefined)?.registerMetric !== "function") {
        throw new TypeError("registerIn: want a registry of prom-client");
      }
      registerCatalog(own, catalog, () => agent.collect());
      registries.add(own);
    },
    close() {
      if (isClosed) {
        return;
      }
      stopExpiring();
      // What waits in the rings is drained once more: tails get it.
      agent.close();
      isClosed = true;
      for (const watch of [...watches]) {
        watch.close();
      }
      for (const own of registries) {
        for (const { name } of catalog) {
          own.removeSingleMetric(name);
        }
      }
    },
  };
}
