/** Follows one resource for as long as the agent runs: lists it, watches it, and begins again when that fails. */
import { setTimeout as sleep } from "node:timers/promises";

import type { ApiServer } from "./api-server.js";
import type { CircuitBreaker } from "./circuit-breaker.js";
import { ApiFailure, asFailure, type FailureReason } from "./api-failure.js";
import { type ApiObject, readEvents, readPage } from "./list-watch.js";
import { get } from "./api-request.js";

/** What to follow. */
export interface Resource {
  /** As in the label `resource`. */
  readonly name: string;
  /** `/api/v1/pods` and the like. */
  readonly path: string;
  readonly fieldSelector?: string;
}

/** What is to be done with the objects. An object is put again when it has changed. */
export interface Sink {
  put(uid: string, value: unknown): void;
  remove(uid: string): void;
}

/** How long things may take, milliseconds, and how much there may be. */
export interface FollowLimits {
  /** Until the headers of an answer are there. */
  readonly responseTimeoutMs: number;
  /** Until a page of a list has been read. */
  readonly listTimeoutMs: number;
  /** A watch lasts between one and two times as long; then the server is asked to end it, so that its clients spread. */
  readonly watchDurationMs: number;
  /** The wait after a first failure; doubled with each, up to `maxDelayMs`, and of each a random half. */
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
  /** Objects of a page. */
  readonly pageSize: number;
  /** Objects that are kept; further ones are left out and counted. */
  readonly objects: number;
}

/** Those of `ringtap run`. */
export const defaultFollowLimits: FollowLimits = {
  responseTimeoutMs: 30_000,
  listTimeoutMs: 60_000,
  watchDurationMs: 240_000,
  firstDelayMs: 500,
  maxDelayMs: 30_000,
  pageSize: 500,
  objects: 50_000,
};

/** A watch that ends sooner, milliseconds, without having shown anything, counts as a failure. */
const minWatchMs = 1000;

/** What a watch may last beyond its time, milliseconds, before it is cut. */
const watchGraceMs = 30_000;

/** What is reported of a resource. */
export interface Reporter {
  failed(resource: string, failure: ApiFailure): void;
  /** The first success at all, or after failures. */
  recovered(resource: string): void;
}

export interface FollowOptions {
  readonly server: ApiServer;
  readonly resource: Resource;
  readonly sink: Sink;
  readonly breaker: CircuitBreaker;
  readonly report: Reporter;
  readonly limits: FollowLimits;
}

/** Fulfils after a random time between half of `delay` and all of it, or when `signal` aborts. */
async function pause(delay: number, signal: AbortSignal): Promise<void> {
  // Aborting rejects; the caller checks the signal anyway.
  await sleep(delay * (0.5 + Math.random() / 2), undefined, { signal, ref: false }).catch(() => undefined);
}

/** One resource, being followed. Never throws: what fails is counted, reported and tried again. */
export class Follower {
  readonly name: string;
  /** When the objects were last known to be as they are in the cluster, milliseconds since 1970; 0 for never. */
  lastSync = 0;
  /** How often something has failed. */
  readonly failures = new Map<FailureReason, number>();
  readonly #options: FollowOptions;
  readonly #ending = new AbortController();
  /** Those that the sink has. */
  readonly #known = new Set<string>();
  /** The version at which the next watch begins; undefined when a list is needed first. */
  #resourceVersion: string | undefined;
  /** Has a 410 said that the server's cache is behind what was seen? Then a list must be of the latest. */
  #cacheIsOld = false;
  #failuresInRow = 0;
  #isUp = false;

  constructor(options: FollowOptions) {
    this.name = options.resource.name;
    this.#options = options;
  }

  /** Are the objects those of the cluster? False before the first list, and from a failure to the next success. */
  get isUp(): boolean {
    return this.#isUp;
  }

  /** Objects that are there now. */
  get objects(): number {
    return this.#known.size;
  }

  /** Begins. Call once; the promise fulfils after {@link close}. */
  async run(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      if (!this.#options.breaker.tryEnter()) {
        await pause(this.#options.limits.firstDelayMs, signal);
        continue;
      }
      try {
        await (this.#resourceVersion === undefined ? this.#list() : this.#watch(this.#resourceVersion));
      } catch (error) {
        await this.#failed(asFailure(error));
      }
    }
  }

  /** Ends, whatever is under way. */
  close(): void {
    this.#ending.abort();
  }

  /** Replaces what is known by what is there. */
  async #list(): Promise<void> {
    const { server, resource, limits } = this.#options;
    const listed = new Set<string>();
    // The server's cache is near enough, and spares the store behind it a full read for each node of a cluster.
    let position: Record<string, string> = this.#cacheIsOld ? {} : { resourceVersion: "0" };
    for (;;) {
      const response = await get(server, resource.path, {
        query: { ...this.#selector(), ...position, limit: limits.pageSize.toString() },
        responseTimeoutMs: limits.responseTimeoutMs,
        bodyTimeoutMs: limits.listTimeoutMs,
        signal: this.#ending.signal,
      });
      this.#options.breaker.succeeded();
      const { resourceVersion, continueToken } = await readPage(response, (object) => {
        if (object !== undefined) {
          listed.add(object.uid);
        }
        this.#put(object);
      });
      if (continueToken === "") {
        this.#resourceVersion = resourceVersion;
        break;
      }
      position = { continue: continueToken };
    }
    for (const uid of this.#known) {
      if (!listed.has(uid)) {
        this.#remove(uid);
      }
    }
    this.#cacheIsOld = false;
    this.#synchronized();
  }

  async #watch(from: string): Promise<void> {
    const { server, resource, limits } = this.#options;
    const began = performance.now();
    const lasts = limits.watchDurationMs * (1 + Math.random());
    const response = await get(server, resource.path, {
      query: {
        ...this.#selector(),
        watch: "1",
        allowWatchBookmarks: "true",
        resourceVersion: from,
        timeoutSeconds: Math.ceil(lasts / 1000).toString(),
      },
      responseTimeoutMs: limits.responseTimeoutMs,
      bodyTimeoutMs: lasts + watchGraceMs,
      signal: this.#ending.signal,
    });
    this.#options.breaker.succeeded();
    this.#synchronized();
    let isEmpty = true;
    for await (const event of readEvents(response)) {
      isEmpty = false;
      if (event === undefined) {
        this.#count("too_large");
        continue;
      }
      if (event.type === "bookmark") {
        this.#resourceVersion = event.resourceVersion;
      } else {
        this.#resourceVersion = event.object.resourceVersion;
        if (event.type === "put") {
          this.#put(event.object);
        } else {
          this.#remove(event.object.uid);
        }
      }
      this.#failuresInRow = 0;
      this.lastSync = Date.now();
    }
    if (isEmpty && performance.now() - began < minWatchMs) {
      throw new ApiFailure("disconnected", "the watch ended as soon as it had begun");
    }
    this.#failuresInRow = 0;
  }

  #selector(): Record<string, string> {
    const { fieldSelector } = this.#options.resource;
    return fieldSelector === undefined ? {} : { fieldSelector };
  }

  #put(object: ApiObject | undefined): void {
    if (object === undefined) {
      this.#count("too_large");
    } else if (this.#known.size >= this.#options.limits.objects && !this.#known.has(object.uid)) {
      this.#count("too_many");
    } else {
      this.#known.add(object.uid);
      this.#options.sink.put(object.uid, object.value);
    }
  }

  #remove(uid: string): void {
    if (this.#known.delete(uid)) {
      this.#options.sink.remove(uid);
    }
  }

  #synchronized(): void {
    this.lastSync = Date.now();
    if (!this.#isUp) {
      this.#isUp = true;
      this.#options.report.recovered(this.name);
    }
  }

  #count(reason: FailureReason): void {
    this.failures.set(reason, (this.failures.get(reason) ?? 0) + 1);
  }

  /** Takes note of a failure, and waits. Closing fails what is under way too, which is none. */
  async #failed(failure: ApiFailure): Promise<void> {
    const { breaker, limits, report } = this.#options;
    if (this.#ending.signal.aborted) {
      return;
    }
    this.#count(failure.reason);
    this.#isUp = false;
    report.failed(this.name, failure);
    if (failure.isOfServer) {
      breaker.failed();
    } else {
      breaker.succeeded();
    }
    if (failure.reason === "gone" || failure.reason === "bad_json") {
      this.#resourceVersion = undefined;
      this.#cacheIsOld = true;
    }
    const delay = Math.min(limits.maxDelayMs, limits.firstDelayMs * 2 ** this.#failuresInRow);
    this.#failuresInRow++;
    await pause(delay, this.#ending.signal);
  }
}
