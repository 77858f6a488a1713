/** One signal at work: its ring, its handlers, its books. */
import type { Identity } from "../identity/identity.js";
import { mapMemoryAtLimit } from "../binding/map-memory.js";
import type { BpfMap, BpfRing } from "../binding/native.js";
import type { Catalog } from "../metrics/catalog.js";
import type { Loaded } from "./load.js";
import { RingReader } from "./ring-reader.js";
import { changeSetup } from "./setup-changes.js";
import type { CensusWatcher, EventRecord, Handlers, Setup, Signal, SignalOptions, Watcher } from "../sdk/signal.js";

/** What a signal's programs and its reader have counted: produced = consumed + every drop, at rest. */
export interface Books {
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

/** A signal that was asked for, and how it fared. */
export interface SignalStatus {
  readonly name: string;
  /** Absent when it could not be loaded or attached. */
  readonly running?: RunningSignal;
  /** Why it is absent, for people. */
  readonly problem?: string;
}

/** A loaded signal and what it does with events. */
export class RunningSignal {
  readonly signal: Signal;
  readonly loaded: Loaded;
  readonly ring: BpfRing;
  readonly #handlers: Handlers<EventRecord>;
  readonly #reader: RingReader<EventRecord>;
  readonly #account: BpfMap;
  #setup: Setup;

  /** Declares the signal's metrics and maps its ring; `failed` gets what a handler throws. */
  constructor(
    signal: Signal,
    loaded: Loaded,
    catalog: Catalog,
    identity: Identity,
    options: SignalOptions,
    failed: (error: unknown) => void,
  ) {
    this.signal = signal;
    this.loaded = loaded;
    this.#setup = loaded.setup;
    const { object } = loaded;
    this.#handlers = signal.start(
      {
        catalog,
        identity,
        map: (name) => object.map(name),
        iterator: (program, map) => object.iterator(program, map),
      },
      options,
    );
    this.ring = object.ring("events");
    this.#account = object.map("account");
    const view = new signal.record();
    this.#reader = new RingReader(
      this.ring,
      view,
      signal.shortestRecord ?? signal.record.size,
      (batch) => this.#handlers.records?.(batch),
      failed,
    );
  }

  /** Attaches every program, then lets the handlers take in what was there before. */
  attach(): void {
    for (const program of this.loaded.attachable) {
      this.loaded.object.attach(program);
    }
    this.#handlers.attached?.();
  }

  /**
   * Follows options that have changed, as far as that goes while programs are attached: see {@link Setup}. No event is lost. What
   * throws has changed nothing.
   */
  reconfigure(options: SignalOptions): void {
    const setup = this.signal.setup(options);
    changeSetup(this.loaded.object, this.#setup, setup);
    this.#setup = setup;
  }

  /** Takes in what waits in the ring: see {@link RingReader.drain}. Returns how many records that was. */
  drain(limit?: number): number {
    return this.#reader.drain(limit);
  }

  /**
   * Shows `watcher` each record of the ring before it is handled, until the returned function is called. Costs nothing while nobody
   * watches; what it throws is the handlers' kind of error, and loses nothing.
   */
  watch(watcher: Watcher<EventRecord>): () => void {
    return this.#reader.watch(watcher);
  }

  /** Shows `watcher` each census that {@link collect} takes, until the returned function is called. */
  watchCensus(watcher: CensusWatcher): () => void {
    return this.#handlers.watchCensus?.(watcher) ?? (() => undefined);
  }

  /** Lets the handlers refresh what they read from maps and iterators. */
  collect(): void | Promise<void> {
    return this.#handlers.collect?.();
  }

  /** Lets the handlers add to the tables what they still keep to themselves. */
  settle(): void {
    this.#handlers.settle?.();
  }

  /** Lets the handlers empty kernel maps that fill up. */
  relieve(): void | Promise<void> {
    return this.#handlers.relieve?.();
  }

  /** How full the kernel maps are that fill up with use. */
  mapFill(): { readonly map: string; readonly entries: number; readonly capacity: number }[] {
    const { maps } = this.loaded.object;
    return (this.#handlers.mapEntries?.() ?? []).map(([map, entries]) => ({
      map,
      entries,
      capacity: maps.find(({ name }) => name === map)?.maxEntries ?? 0,
    }));
  }

  /** Bytes that the signal takes at the most: its kernel maps, the ring among them, and its handlers' own tables. */
  memoryAtLimit(): SignalMemory {
    const maps = this.loaded.object.maps.reduce((bytes, map) => bytes + mapMemoryAtLimit(map), 0);
    return { maps, tables: this.#handlers.memoryAtLimit?.() ?? 0 };
  }

  /** The books as they stand. */
  books(): Books {
    this.#account.readAll();
    const [produced = 0n, ringFull = 0n, mapFull = 0n, sampled = 0n] = new BigUint64Array(this.#account.values, 0, 4);
    const { consumed, handlerErrors, corrupt } = this.#reader.counts;
    const collected = this.#handlers.collected?.() ?? 0;
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

  /** Detaches and unmaps. */
  close(): void {
    this.loaded.object.close();
  }
}
