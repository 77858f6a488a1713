/** Pods as the API shows them, with what matters. */
import type { Manifest } from "./api-store.js";

/** A container id of 64 digits made of one. */
export function containerId(digit: string): string {
  return digit.repeat(64);
}

export interface PodOptions {
  readonly namespace?: string;
  readonly uid?: string;
  readonly node?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** `kind/name`, as the API writes the kind. */
  readonly owner?: string;
  /** Ids with their runtimes, by container name. */
  readonly containers?: Readonly<Record<string, string>>;
  readonly status?: Readonly<Record<string, unknown>>;
}

/** A pod that runs on a node, by default `node-1`. */
export function pod(name: string, options: PodOptions = {}): Manifest {
  const {
    namespace = "default",
    uid,
    node = "node-1",
    labels = {},
    annotations = {},
    owner,
    containers = {},
  } = options;
  const [kind, ownerName] = owner?.split("/") ?? [];
  return {
    metadata: {
      name,
      namespace,
      labels,
      annotations,
      ...(uid === undefined ? {} : { uid }),
      ...(owner === undefined ? {} : { ownerReferences: [{ kind, name: ownerName, controller: true }] }),
    },
    spec: { nodeName: node },
    status: {
      phase: "Running",
      containerStatuses: Object.entries(containers).map(([container, containerID]) => ({
        name: container,
        containerID,
      })),
      ...options.status,
    },
  };
}
