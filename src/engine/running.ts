/** One signal at work: its ring, what it does with events, its event counts. */
import type { BpfMap, BpfObject, BpfRing } from "../binding/native.js";
import { mapMemoryAtLimit } from "../binding/map-memory.js";
import { kernelNow } from "../binding/kernel-clock.js";
import type { Identity } from "../identity/identity.js";
import type { Catalog } from "../metrics/catalog.js";
import type { FlagTable, FlagValues } from "../sdk/flags.js";
import type { LinkWatch } from "../sdk/links.js";
import type { PeerDirectory } from "../sdk/peers.js";
import type {
  AnySignal,
  EventRecord,
  Running,
  SignalContext,
  SignalLog,
  SignalStats,
  Watched,
  Watcher,
} from "../sdk/signal.js";
import type { Views } from "../sdk/views.js";
import { foreignError } from "../log/error-text.js";
import { openCounters } from "./counters.js";
import { sharedMaps } from "./dispatch/dispatcher.js";
import { Guard, type Phase } from "./guard.js";
import { LiveSetup } from "./live-setup.js";
import type { Loaded } from "./load.js";
import { RunWindow } from "./overhead/run-time.js";
import { openSideRing } from "./side-ring.js";
import { type Observed, Observers } from "./observers.js";
import { type HasTime, RingReader } from "./ring-reader.js";
import { checkRunning, checkStats } from "./running-shape.js";
import { openScan } from "./scan.js";
import { type Change, tellAttached } from "./setup-changes.js";
import { guardedMetrics } from "./guarded-metrics.js";
import { TimedCalls } from "./timed-calls.js";
import { attachUprobes } from "./uprobes.js";

/** What a signal's programs and its reader have counted: produced = consumed + every drop, at rest. */
export interface EventCounts {
  readonly produced: number;
  readonly consumed: number;
  readonly dropped: Readonly<Record<DropReason, number>>;
}

/** Why an event was lost. */
export const dropReasons = ["ring_full", "map_full", "sampled", "handler_error", "corrupt"] as const;
export type DropReason = (typeof dropReasons)[number];

/** The most memory that a signal takes, bytes, series and processes aside. */
export interface SignalMemory {
  /** The kernel's. */
  readonly maps: number;
  /** The agent's. */
  readonly tables: number;
}

/** A signal that was asked for, and its state. */
export interface SignalStatus {
  readonly name: string;
  /** Absent when it could not be loaded or attached. */
  readonly running?: RunningSignal | undefined;
  /** Why it is absent, for people. */
  readonly problem?: string | undefined;
}

/** What a signal runs in. */
export interface Surroundings {
  readonly catalog: Catalog;
  readonly identity: Identity;
  readonly log: SignalLog;
  readonly peers?: PeerDirectory | undefined;
  /** The build of the same signal that this one replaces: see {@link RunningSignal.publish}. */
  readonly replaces?: RunningSignal | undefined;
}

/** A change of a signal's flags that has been prepared. */
export type FlagChange = Change;

/** A map that is fuller may be full before a maintenance that waits. */
const fillingShare = 1 / 2;

/**
 * A ring of processes' records wakes the agent when a quarter of it waits. Of one that is larger, bytes, that may be more processes than the
 * other half of a map has room for: so it is read each second.
 */
const longWaitRingSize = 2 ** 20;

/** Calls a signal's start(). Of what it throws only the message is kept: the stack concerns only the author of the signal. */
function startOf(signal: AnySignal, context: SignalContext, flags: FlagValues<FlagTable>): Running<EventRecord> {
  try {
    return checkRunning(signal.start(context, flags));
  } catch (error) {
    throw foreignError("start", error);
  }
}

/** Numbers that programs count in the map `account`: see bpf/include/ringtap/account.h. */
const accountWords = 4;

function accountOf(object: BpfObject): BpfMap {
  const account = object.map("account");
  if (account.info.valueSize !== accountWords * BigUint64Array.BYTES_PER_ELEMENT) {
    throw new Error(
      `map account: a value of ${account.info.valueSize} bytes: include <ringtap/account.h>, which defines it`,
    );
  }
  return account;
}

/** A loaded signal and what it does with events. No error that it throws leaves this class, but for those of the constructor and of {@link attach}. */
export class RunningSignal {
  readonly signal: AnySignal;
  readonly loaded: Loaded;
  /** Absent in a signal without one. */
  readonly ring: BpfRing | undefined;
  readonly #guard: Guard;
  readonly #running: Running<EventRecord>;
  readonly #reader: RingReader<EventRecord> | undefined;
  readonly #account: BpfMap | undefined;
  readonly #scope: ReturnType<Catalog["scope"]>;
  readonly #observed: Observed;
  readonly #observers: Observers;
  readonly #closing = new AbortController();
  readonly #calls: TimedCalls;
  readonly #setup: LiveSetup;
  readonly #runWindow: RunWindow | undefined;
  #collectSeconds = 0;
  /** Was one of its maps more than half full when it was read last? */
  #isFilling = false;
  /** Failures of collect before the last one. */
  #failedBefore = 0;
  #stats: SignalStats = {};
  #isClosed = false;

  /** Declares the signal's metrics and maps its ring. When that throws, no metric of it is left; the object is the caller's to close. */
  constructor(loaded: Loaded, { catalog, identity, log, peers, replaces }: Surroundings) {
    const { object, signal, flags, host, hasRing, hasAccount } = loaded;
    this.signal = signal;
    this.loaded = loaded;
    this.#guard = new Guard(log);
    this.#calls = new TimedCalls(this.#guard, this.#closing.signal);
    this.#scope = catalog.scope(replaces === undefined ? undefined : replaces.#scope);
    this.#observed = this.#toObservers();
    this.#observers = replaces === undefined ? new Observers(this.#observed) : replaces.#observers;
    try {
      this.#running = startOf(
        signal,
        {
          metrics: guardedMetrics(this.#scope, this.#guard),
          identity,
          host,
          hook: loaded.hook.name,
          peers,
          map: (name) => object.map(name),
          counters: (map, options) => openCounters(object, map, options),
          isLoaded: (program) => !loaded.without.includes(program),
          scan: (program, record, map) => openScan(object, program, record, map),
          attachUprobes: (program, path, places, options) => attachUprobes(object, program, path, places, options),
          sideRing: (map, record, take) =>
            openSideRing(object.ring(map), record, take, (error) => {
              this.#guard.failed("records", error);
            }),
          log,
          signal: this.#closing.signal,
          clock: { monotonic: () => Number(kernelNow()), wall: () => Date.now() },
        },
        flags,
      );
      this.ring = hasRing ? object.ring("events") : undefined;
      this.#setup = new LiveSetup(loaded, this.#guard, this.#running, () => this.#observers.watched);
      this.#account = hasAccount ? accountOf(object) : undefined;
      this.#reader = this.ring === undefined ? undefined : this.#read(this.ring);
      this.#runWindow = RunWindow.of(object);
    } catch (error) {
      this.#scope.close();
      throw error;
    }
    if (signal.provides === "cgroups" && host.mode === "run") {
      identity.cgroups.readFrom(() => this.drain());
    }
  }

  /** See {@link Signal.attachesLater}. */
  get attachesLater(): boolean {
    return this.#guard.call("attached", () => this.signal.attachesLater?.(this.loaded.flags) === true, false);
  }

  /** What it shows. */
  get views(): Views | undefined {
    return this.#running.views ?? this.signal.views;
  }

  #read(ring: BpfRing): RingReader<EventRecord> | undefined {
    const definition = this.signal.ring;
    if (definition === undefined) {
      return undefined;
    }
    const { record, shortest } = definition;
    return new RingReader<EventRecord>(
      ring,
      new record() as EventRecord,
      shortest ?? record.size,
      record.size,
      (batch) => {
        const result: unknown = this.#running.records?.(batch);
        if (result instanceof Promise) {
          this.#guard.promised("records", result);
        }
      },
      (error) => {
        this.#guard.failed("records", error);
      },
      (error) => {
        this.#guard.failed("watcher", error);
      },
      this.#observers.watchers,
    );
  }

  /** Attaches every program. Throws when the kernel refuses one. */
  attach(): void {
    for (const program of this.loaded.attachable) {
      this.loaded.handlers.attach(program);
    }
    tellAttached(this.loaded.object);
  }

  /** Lets the signal read what was there before it was attached. */
  async attached(): Promise<void> {
    await this.#calls.wait("attached", () => this.#running.attached?.());
  }

  /** The depths that it can be taken to, the deepest first; empty where it stays as it is. */
  get depths(): readonly string[] {
    return this.loaded.depths;
  }

  /** The one that it is at. */
  get depth(): string | undefined {
    return this.#setup.depth;
  }

  /** Takes it to another one. Not during {@link collect} and {@link maintain}: see {@link Engine.goTo}. */
  goTo(depth: string): void {
    if (!this.#isClosed) {
      this.#setup.goTo(depth);
    }
  }

  /** When its programs time themselves; undefined where they cannot, and when it is closed. */
  get runWindow(): RunWindow | undefined {
    return this.#isClosed ? undefined : this.#runWindow;
  }

  /** Calls that have thrown, by phase. */
  get errors(): Readonly<Record<Phase, number>> {
    return this.#guard.errors;
  }

  /** How long the last {@link collect} took, seconds. */
  get collectSeconds(): number {
    return this.#collectSeconds;
  }

  /** What is wrong with the numbers of the last collect, for people; undefined when nothing is. */
  get problem(): string | undefined {
    return this.#guard.errors.collect === this.#failedBefore
      ? undefined
      : "its numbers could not be collected at the last scrape; the log has the reason";
  }

  /** Prepares to follow flags that have changed: see {@link LiveSetup.reconfigure}. */
  reconfigure(flags: FlagValues<FlagTable>): FlagChange | undefined {
    return this.#setup.reconfigure(flags);
  }

  /** Takes in what waits in the ring: see {@link RingReader.drain}. Returns how many records that was: none when closed. */
  drain(limit?: number, hasTime?: HasTime): number {
    return this.#isClosed ? 0 : (this.#reader?.drain(limit, hasTime) ?? 0);
  }

  /** Did the last drain leave records in the ring? */
  get hasMore(): boolean {
    return !this.#isClosed && this.#reader?.hasMore === true;
  }

  /**
   * Shows `watcher` each record of the ring before it is handled, until the returned function is called. Costs nothing while no one
   * watches; what it throws is counted and logged, and loses nothing.
   */
  watch(watcher: Watcher<EventRecord>): () => void {
    return this.#observers.watch(watcher);
  }

  /**
   * The same for a watcher that does nothing but call the {@link Trace} of the signal that it is given, which is that of the build that
   * the record comes from: its errors are the signal's own. It may be interested in records of failures alone.
   */
  watchTraced(watcher: (record: EventRecord, signal: AnySignal) => void, watched: Watched = "all"): () => void {
    return this.#observers.watchTraced(watcher, watched);
  }

  /** Has `watched` called whenever someone begins to watch its records. */
  onWatched(watched: () => void): void {
    this.#observers.onWatched(watched);
  }

  /** Does anyone watch its records? */
  get isWatched(): boolean {
    return this.#observers.watchers.list.length > 0;
  }

  /** Begins to observe links, where the signal has any. When another build replaces the signal, the observation begins anew there. */
  watchLinks(): LinkWatch | undefined {
    return this.#observers.watchLinks();
  }

  #toObservers(): Observed {
    const guard = this.#guard;
    const end = (watch: LinkWatch) => (): void => {
      guard.call(
        "links",
        () => {
          watch.close();
        },
        undefined,
      );
    };
    return {
      signal: this.signal,
      follow: () => {
        if (!this.#isClosed) {
          this.#setup.followHost();
        }
      },
      openLinks: () => {
        const watch = guard.call("links", () => this.#running.watchLinks?.(), undefined);
        return watch && { links: () => guard.call("links", () => watch.links(), []), close: end(watch) };
      },
      traceFailed: (error) => {
        guard.failed("trace", error);
      },
    };
  }

  /** Lets the signal refresh what it reads from maps and iterators. An error costs its own numbers of this scrape. */
  async collect(): Promise<void> {
    const began = performance.now();
    this.#failedBefore = this.#guard.errors.collect;
    await this.#calls.wait("collect", () => this.#running.collect?.());
    // Programs that it has run may have written records, which are of this scrape, too.
    this.drain();
    this.#noteFill();
    this.#collectSeconds = (performance.now() - began) / 1000;
  }

  /** Lets the signal add to the tables what it has counted elsewhere. */
  flush(): void {
    if (!this.#calls.isOverdue) {
      this.#guard.call("flush", () => this.#running.flush?.(), undefined);
    }
  }

  /** May {@link maintain} wait while little happens? See {@link Running.maintainMayWait}. */
  get maintainMayWait(): boolean {
    const running = this.#running;
    if (this.signal.provides === "processes" && (this.ring?.size ?? 0) > longWaitRingSize) {
      return false;
    }
    return running.maintain === undefined || (running.maintainMayWait === true && !this.#isFilling);
  }

  /** Lets the signal empty kernel maps that fill up. */
  async maintain(): Promise<void> {
    await this.#calls.wait("maintain", () => this.#running.maintain?.());
    this.#noteFill();
  }

  #noteFill(): void {
    this.#isFilling =
      !this.#isClosed && this.mapFill().some(({ entries, capacity }) => entries > fillingShare * capacity);
  }

  /** See {@link TimedCalls.isBusy}. */
  get isBusy(): boolean {
    return this.#calls.isBusy;
  }

  /** What the signal says of itself; when it cannot, what it said last, so that no count goes back. */
  stats(): SignalStats {
    const said = this.#guard.call<unknown>("stats", () => this.#running.stats?.() ?? {}, undefined);
    if (said !== undefined) {
      this.#stats = this.#guard.call("stats", () => checkStats(said), this.#stats);
    }
    return this.#stats;
  }

  /** How full the kernel maps are that fill up with use, by what the signal says of itself. */
  mapFill(
    { mapEntries = [] } = this.stats(),
  ): { readonly map: string; readonly entries: number; readonly capacity: number }[] {
    const { maps } = this.loaded.object;
    return mapEntries.map(([map, entries]) => ({
      map,
      entries,
      capacity: maps.find(({ name }) => name === map)?.maxEntries ?? 0,
    }));
  }

  /** Bytes that the signal takes at most: its kernel maps, the ring among them, and its own tables. */
  memoryAtLimit(): SignalMemory {
    const own = this.loaded.object.maps.filter(({ name }) => !sharedMaps.includes(name));
    const maps = own.reduce((bytes, map) => bytes + mapMemoryAtLimit(map), 0);
    return { maps, tables: this.stats().memoryAtLimit ?? 0 };
  }

  /** The event counts as they stand, by what the signal says of itself. */
  eventCounts({ collected = 0 } = this.stats()): EventCounts {
    this.#account?.readAll();
    const words = this.#account === undefined ? [] : [...new BigUint64Array(this.#account.values, 0, accountWords)];
    const [produced = 0n, ringFull = 0n, mapFull = 0n, sampled = 0n] = words;
    const { consumed, handlerErrors, corrupt } = this.#reader?.counts ?? { consumed: 0, handlerErrors: 0, corrupt: 0 };
    return {
      produced: Number(produced) + collected,
      consumed: consumed + collected,
      dropped: {
        ring_full: Number(ringFull),
        map_full: Number(mapFull),
        sampled: Number(sampled),
        handler_error: handlerErrors,
        corrupt,
      },
    };
  }

  /**
   * Runs of its programs that the kernel has left out since they were attached, each of which may have been an event: a program that
   * is running already on that CPU is not run once more (docs/kernels.md).
   */
  runsLeftOut(): number {
    const { attachable, handlers } = this.loaded;
    return attachable.reduce((runs, name) => runs + handlers.stats(name).misses, 0);
  }

  /** Ends the signal: its own close first, then programs are detached and maps unmapped. Idempotent. */
  close(): void {
    if (this.#isClosed) {
      return;
    }
    this.#guard.call("close", () => this.#running.close?.(), undefined);
    this.#isClosed = true;
    this.#closing.abort();
    this.loaded.close();
  }

  /** Puts its metrics into the catalog, in place of those of the build that it replaces, and takes over who observes that. The caller then closes that build. */
  publish(): void {
    this.#scope.publish();
    this.#observers.moveTo(this.#observed);
  }

  /** Removes the signal's metrics. What was counted can be read until then, closed or not. */
  removeMetrics(): void {
    this.#scope.close();
  }
}
