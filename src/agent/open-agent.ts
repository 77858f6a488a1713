/** The agent inside another program: `import { openAgent } from "ringtap"`. docs/library.md tells how it is used. */
import { setTimeout as pause } from "node:timers/promises";
import { Registry } from "prom-client";
import { createBody } from "../exposition/metrics-body.js";
import { chooseFormat } from "../exposition/negotiation.js";
import { registerCatalog, type Sample, tableSamples } from "../exposition/register-catalog.js";
import type { FileEvent } from "../signals/file/records.js";
import type { ProcessEvent } from "../signals/process/records.js";
import type { SyscallEvent } from "../signals/syscall/records.js";
import type { TcpEvent } from "../signals/tcp/records.js";
import { identityLabels } from "../identity/labels.js";
import { requireKernel } from "../host/requirements.js";
import type { Live } from "../views/live.js";
import { letUnseenGo } from "../views/looks.js";
import type { TraceEvent } from "../views/protocol.js";
import type { TailFilter } from "../views/tail.js";
import type { FlagValues } from "../sdk/flags.js";
import type { Watcher } from "../sdk/signal.js";
import { flags as syscallFlags } from "../signals/syscall/flags.js";
import { defaultValues } from "../sdk/flags.js";
import { type RunningAgent, startAgent } from "./start-agent.js";
import type { AgentLog } from "../engine/start-signal.js";

/** The records of each signal: see `bpf/<signal>.bpf.c` for what their fields mean. */
export interface SignalRecords {
  readonly process: ProcessEvent;
  readonly tcp: TcpEvent;
  /** None unless {@link AgentOptions.syscall} asks for `stream`. */
  readonly syscall: SyscallEvent;
  readonly file: FileEvent;
}

export type SignalName = keyof SignalRecords;
export type IdentityLabel = (typeof identityLabels)[number];

/** How an agent is to run. Everything has the default that `ringtap run` has. */
export interface AgentOptions {
  /** Which signals. All of them by default. */
  readonly signals?: readonly SignalName[];
  /** What tells the series of one process from another's. Default `pid`, `comm`. */
  readonly labels?: readonly IdentityLabel[];
  /** Series of a metric, from 1, before further ones are counted under `~other`. Default 100,000. */
  readonly seriesLimit?: number;
  /** Processes that are remembered, from 1, before those of further ones are counted under `~other`. Default 32,768. */
  readonly identityLimit?: number;
  /** Bytes of each ring, a power of two from 4,096 on. Default: what each signal wants. */
  readonly ringSize?: number;
  /** System calls: counted in the kernel (`aggregate`, the default), or a record for each that passes the filters (`stream`). */
  readonly syscall?: Partial<FlagValues<typeof syscallFlags>>;
  /** Fail when any of the signals cannot run, not only when none can. Default false. */
  readonly strict?: boolean;
  /** Told of what works only in part. Default: nobody. */
  readonly log?: AgentLog;
}

/** A signal that was asked for, and how it fared. */
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
 * An agent that runs in this process. Close it in the end, or the process will not.
 *
 * The series of a process that has gone stay until {@link metrics} or a registry has shown them; while nobody asks for any, five to
 * ten minutes.
 */
export interface Agent extends Live {
  readonly signals: readonly AgentSignal[];
  /** A prom-client registry that {@link metrics} shows together with the tables: a place for metrics of your own. */
  readonly registry: Registry;
  /**
   * Shows `watcher` every record of a signal as it is drained, decoded in place: nothing is allocated, and the record is the
   * kernel's again when `watcher` returns, so copy what is to be kept. What it throws is logged and counted in `ringtap_signal_errors_total{phase="watcher"}`.
   * Returns what ends it. Throws when the signal does not run.
   */
  onRecord<Name extends SignalName>(signal: Name, watcher: Watcher<SignalRecords[Name]>): () => void;
  /**
   * Events as plain objects, as `ringtap trace --output json` writes them, until `signal` is aborted or the loop is left. Looks
   * every 100 ms, gives what has come in order of time, and keeps 10,000 events meanwhile; {@link Live.tail} lets you choose, and counts what found no room.
   */
  events(filter?: TailFilter, signal?: AbortSignal): AsyncGenerator<TraceEvent, void, undefined>;
  /** The samples of one metric, brought up to date. Throws when there is no metric of this name. */
  read(metric: string): Promise<Sample[]>;
  /** What a scraper gets that sends this `Accept` header. */
  metrics(accept?: string): Promise<Exposition>;
  /** Adds every metric to a prom-client registry of your own, to be collected whenever that is rendered. */
  registerIn(registry: Registry): void;
  /** Takes everything out of the kernel. What was counted can still be read from the tables, but nothing more comes. */
  close(): void;
}

const silence: AgentLog = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** Between two looks at the events, milliseconds, and how many are kept meanwhile. */
const eventsInterval = 100;
const eventsKept = 10_000;

const signalNames: readonly SignalName[] = ["process", "tcp", "syscall", "file"];

/** Throws for a word that is not among the known ones, as callers without types may have it. */
function checkWords(what: string, words: readonly string[], known: readonly string[]): void {
  for (const word of words) {
    if (!known.includes(word)) {
      throw new RangeError(`unknown ${what} ${JSON.stringify(word)}: want ${known.join(", ")}`);
    }
  }
}

function start(options: AgentOptions): RunningAgent {
  const { signals = signalNames, labels, seriesLimit, identityLimit, ringSize, strict } = options;
  checkWords("signal", signals, signalNames);
  checkWords("label", labels ?? [], identityLabels);
  return startAgent({
    wanted: signals,
    labels,
    seriesLimit,
    identityLimit,
    ringSize,
    strict,
    flags: { syscall: { ...defaultValues(syscallFlags), ...options.syscall } },
    log: options.log ?? silence,
  });
}

/**
 * Loads the signals into the kernel and begins to count. Wants the privileges that `ringtap run` wants (docs/security.md); throws
 * an error that says what is missing, or why no signal runs.
 */
export function openAgent(options: AgentOptions = {}): Agent {
  requireKernel();
  const agent = start(options);
  const { catalog, running, live } = agent;
  const registry = new Registry();
  const render = createBody({ registry, catalog, collect: [() => agent.collect()] });
  const stopForgetting = letUnseenGo(catalog);

  return {
    ...live,
    signals: agent.statuses.map(({ name, problem }) => ({ name, ...(problem === undefined ? {} : { problem }) })),
    registry,
    onRecord(signal, watcher) {
      const found = running.find((each) => each.signal.name === signal);
      if (found === undefined) {
        throw new Error(`signal ${signal} does not run: ${running.map((each) => each.signal.name).join(", ")} do`);
      }
      return found.watch(watcher as Watcher);
    },
    async *events(filter = {}, signal) {
      const tail = live.tail(filter, eventsKept);
      try {
        while (signal?.aborted !== true) {
          yield* tail.take().map(({ event }) => event);
          await pause(eventsInterval, undefined, { signal }).catch(() => undefined);
        }
      } finally {
        tail.close();
      }
    },
    async read(metric) {
      await agent.collect();
      catalog.collect();
      for (const table of catalog) {
        if (table.name === metric) {
          return [...tableSamples(table)];
        }
      }
      throw new Error(`no metric ${metric}: docs/metrics.md has their names`);
    },
    async metrics(accept) {
      const { format, contentType } = chooseFormat(accept);
      const pieces: Buffer[] = [];
      for await (const piece of render(format)) {
        pieces.push(piece);
      }
      return { contentType, body: Buffer.concat(pieces) };
    },
    registerIn: (own) => registerCatalog(own, catalog, () => agent.collect()),
    close() {
      stopForgetting();
      agent.close();
    },
  };
}
