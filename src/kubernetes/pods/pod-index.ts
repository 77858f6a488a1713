/** The pods of this node by what control groups are called: container ids and pod uids. */
import { isDeepStrictEqual } from "node:util";

import type { Sink } from "../client/follower.js";
import { type Pod, type PodMetadata, readPod } from "./pod.js";

/** What series may say of a container. */
export interface ContainerMetadata extends PodMetadata {
  /** Its name in the pod; "" where only the pod is known, as of its sandbox. */
  readonly container: string;
}

/** Of which containers and pods something has become known, or has changed. */
export interface PodChange {
  readonly containers: readonly string[];
  readonly uids: readonly string[];
}

export interface PodIndexOptions {
  /** Names of the pod labels to keep. */
  readonly labels?: readonly string[];
  /** Milliseconds for which a deleted container or pod is kept. Default 60,000. */
  readonly retentionMs?: number;
  /** Milliseconds of any clock that does not go back. */
  readonly now?: () => number;
}

/** A deleted entry that is kept until `until`. */
interface Expiring {
  readonly until: number;
  readonly index: Map<string, ContainerMetadata>;
  readonly key: string;
  readonly metadata: ContainerMetadata;
}

/** Fed by a Follower. A deleted container or pod is kept for a while, because its last events are yet to come. */
export class PodIndex implements Sink {
  readonly #labels: readonly string[];
  readonly #retentionMs: number;
  readonly #now: () => number;
  readonly #pods = new Map<string, Pod>();
  readonly #byUid = new Map<string, ContainerMetadata>();
  readonly #byContainer = new Map<string, ContainerMetadata>();
  /** Oldest first. */
  #expiring: Expiring[] = [];
  readonly #listeners = new Set<(change: PodChange) => void>();

  constructor(options: PodIndexOptions = {}) {
    const { labels = [], retentionMs = 60_000, now = () => performance.now() } = options;
    this.#labels = labels;
    this.#retentionMs = retentionMs;
    this.#now = now;
  }

  /**
   * What is known of a container, by its id as the runtime gives it (without `containerd://`), or, failing that, of its pod by the
   * uid in its control group's path (with dashes; 32 digits without for a static pod). Either may be "". The same object as long as
   * nothing has changed.
   */
  find(container: string, uid: string): ContainerMetadata | undefined {
    this.#deleteExpired();
    return this.#byContainer.get(container) ?? this.#byUid.get(uid);
  }

  /** Calls `listener` with what becomes known or changes from now on; the returned function ends that. It must not throw. */
  onChange(listener: (change: PodChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  put(uid: string, value: unknown): void {
    this.#deleteExpired();
    const before = this.#pods.get(uid);
    const pod = readPod(uid, value, this.#labels);
    this.#pods.set(uid, pod);
    this.#expireLater(this.#byUid, before?.uids.filter((key) => !pod.uids.includes(key)) ?? []);
    this.#expireLater(
      this.#byContainer,
      [...(before?.containers.keys() ?? [])].filter((id) => !pod.containers.has(id)),
    );
    const uids = pod.uids.filter((key) => this.#store(this.#byUid, key, { ...pod.metadata, container: "" }));
    const containers = [...pod.containers]
      .filter(([id, container]) => this.#store(this.#byContainer, id, { ...pod.metadata, container }))
      .map(([id]) => id);
    if (uids.length + containers.length > 0) {
      for (const listener of this.#listeners) {
        listener({ containers, uids });
      }
    }
  }

  remove(uid: string): void {
    this.#deleteExpired();
    const pod = this.#pods.get(uid);
    if (pod !== undefined) {
      this.#pods.delete(uid);
      this.#expireLater(this.#byUid, pod.uids);
      this.#expireLater(this.#byContainer, [...pod.containers.keys()]);
    }
  }

  /** Keeps `metadata` under `key`; false when it was there already. */
  #store(index: Map<string, ContainerMetadata>, key: string, metadata: ContainerMetadata): boolean {
    const known = index.get(key);
    const isNews = !isDeepStrictEqual(known, metadata);
    // A new object even where nothing changes, if the old one is about to go.
    if (isNews || this.#expiring.some((expiring) => expiring.metadata === known)) {
      index.set(key, metadata);
    }
    return isNews;
  }

  #expireLater(index: Map<string, ContainerMetadata>, keys: readonly string[]): void {
    const until = this.#now() + this.#retentionMs;
    for (const key of keys) {
      const metadata = index.get(key);
      if (metadata !== undefined) {
        this.#expiring.push({ until, index, key, metadata });
      }
    }
  }

  /** Deletes the entries whose retention has passed, unless they have come back. */
  #deleteExpired(): void {
    const now = this.#now();
    const kept = this.#expiring.findIndex(({ until }) => until > now);
    if (kept === 0 || this.#expiring.length === 0) {
      return;
    }
    const expired = this.#expiring.splice(0, kept < 0 ? this.#expiring.length : kept);
    for (const { index, key, metadata } of expired) {
      if (index.get(key) === metadata) {
        index.delete(key);
      }
    }
  }
}
