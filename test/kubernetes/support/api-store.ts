/** The objects of a fake API server, with versions and history as the real one keeps them. */

/** An object as one would write its manifest. */
export interface Manifest {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly [key: string]: unknown;
  };
  readonly [key: string]: unknown;
}

/** An object as the API shows it. */
export interface StoredObject extends Manifest {
  readonly metadata: Manifest["metadata"] & { readonly uid: string; readonly resourceVersion: string };
}

export interface StoredEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: StoredObject;
  /** The object before, if there was one. */
  readonly before: StoredObject | undefined;
}

/** The kinds that there are, by the last part of their path. */
export const kinds = {
  pods: { path: "/api/v1/pods", kind: "PodList", apiVersion: "v1" },
  services: { path: "/api/v1/services", kind: "ServiceList", apiVersion: "v1" },
  endpointslices: {
    path: "/apis/discovery.k8s.io/v1/endpointslices",
    kind: "EndpointSliceList",
    apiVersion: "discovery.k8s.io/v1",
  },
} as const;

export type ResourceName = keyof typeof kinds;

function keyOf({ metadata }: Manifest): string {
  return `${metadata.namespace ?? "default"}/${metadata.name}`;
}

/** All objects of one resource. Versions come from `nextVersion`, which all resources share. */
export class ApiCollection {
  readonly #nextVersion: () => number;
  readonly #objects = new Map<string, StoredObject>();
  #history: StoredEvent[] = [];
  #compactedAt = 0;
  readonly #listeners = new Set<(event: StoredEvent) => void>();

  constructor(nextVersion: () => number) {
    this.#nextVersion = nextVersion;
  }

  get objects(): readonly StoredObject[] {
    return [...this.#objects.values()];
  }

  /** Creates or replaces an object; it keeps its uid, or gets the one that it brings, or one made of its name. */
  put(manifest: Manifest): StoredObject {
    const before = this.#objects.get(keyOf(manifest));
    const uid = before?.metadata.uid ?? manifest.metadata.uid ?? `uid-of-${manifest.metadata.name}`;
    const object = this.#stamp(manifest, uid);
    this.#objects.set(keyOf(manifest), object);
    this.#tell({ type: before === undefined ? "ADDED" : "MODIFIED", object, before });
    return object;
  }

  delete(name: string, namespace = "default"): void {
    const key = `${namespace}/${name}`;
    const before = this.#objects.get(key);
    if (before === undefined) {
      throw new Error(`no object ${key}`);
    }
    this.#objects.delete(key);
    this.#tell({ type: "DELETED", object: this.#stamp(before, before.metadata.uid), before });
  }

  /** Calls `listener` for all events after `version`, and for those to come; false when they are not all remembered. */
  follow(version: number, listener: (event: StoredEvent) => void): boolean {
    if (version < this.#compactedAt) {
      return false;
    }
    for (const event of this.#history) {
      if (Number(event.object.metadata.resourceVersion) > version) {
        listener(event);
      }
    }
    this.#listeners.add(listener);
    return true;
  }

  unfollow(listener: (event: StoredEvent) => void): void {
    this.#listeners.delete(listener);
  }

  /** Forgets all history. */
  compact(): void {
    this.#history = [];
    this.#compactedAt = this.#nextVersion();
  }

  #stamp(manifest: Manifest, uid: string): StoredObject {
    const resourceVersion = this.#nextVersion().toString();
    return { ...manifest, metadata: { namespace: "default", ...manifest.metadata, uid, resourceVersion } };
  }

  #tell(event: StoredEvent): void {
    this.#history.push(event);
    for (const listener of this.#listeners) {
      listener(event);
    }
  }
}
