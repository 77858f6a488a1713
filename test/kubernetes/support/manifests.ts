/** Pods, services and endpoint slices as the API shows them, with what matters. */
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

export interface ServiceOptions {
  readonly namespace?: string;
  /** Its own addresses. */
  readonly ips?: readonly string[];
  /** Addresses outside of the cluster. */
  readonly outer?: readonly string[];
  readonly ports?: readonly number[];
}

/** A service. */
export function service(name: string, options: ServiceOptions = {}): Manifest {
  const { namespace = "default", ips = [], outer = [], ports = [80] } = options;
  return {
    metadata: { name, namespace },
    spec: { clusterIP: ips[0] ?? "None", clusterIPs: ips, ports: ports.map((port) => ({ port, protocol: "TCP" })) },
    status: { loadBalancer: { ingress: outer.map((ip) => ({ ip })) } },
  };
}

/** The slice of a service, `<service>-1`: addresses by pod. */
export function endpointSlice(
  serviceName: string,
  endpoints: Readonly<Record<string, readonly string[]>>,
  ports: readonly number[],
  namespace = "default",
): Manifest {
  return {
    metadata: { name: `${serviceName}-1`, namespace, labels: { "kubernetes.io/service-name": serviceName } },
    addressType: "IPv4",
    endpoints: Object.entries(endpoints).map(([name, addresses]) => ({
      addresses,
      conditions: { ready: true },
      targetRef: { kind: "Pod", name, namespace },
    })),
    ports: ports.map((port) => ({ name: "", port, protocol: "TCP" })),
  };
}
