/** Metrics about how well Kubernetes is known. */
import { circuitStates } from "../../kubernetes/client/circuit-breaker.js";
import type { Catalog } from "../../metrics/catalog.js";
import { Dimension } from "../../metrics/dimension.js";
import type { Kubernetes } from "../kubernetes.js";

/** Declares the state of each resource that is followed. Without a cluster these metrics have no series. */
export function declareKubernetesMetrics(catalog: Catalog, { cluster, peers }: Kubernetes): void {
  const resources = cluster?.resources ?? [];
  const resource = new Dimension(["resource"]);
  const reason = new Dimension(["reason"]);
  const state = new Dimension(["state"]);

  /** Declares a gauge with a number for each resource. */
  function declareGauge(name: string, help: string, read: (resource: (typeof resources)[number]) => number): void {
    catalog.gauge({
      name,
      help,
      subject: resource,
      bounded: true,
      collect(gauge) {
        for (const each of resources) {
          gauge.set(resource.intern(each.name), 0, read(each));
        }
      },
    });
  }

  declareGauge(
    "ringtap_kubernetes_up",
    "1 while the resource is being watched; 0 before its first list and after a failure, when labels may be out of date.",
    ({ isUp }) => (isUp ? 1 : 0),
  );
  declareGauge(
    "ringtap_kubernetes_last_sync_timestamp_seconds",
    "Unix time at which the resource was last known to be current; 0 before its first list.",
    ({ lastSync }) => lastSync / 1000,
  );
  declareGauge("ringtap_kubernetes_objects", "Objects of the resource that are stored.", ({ objects }) => objects);
  catalog.counter({
    name: "ringtap_kubernetes_errors_total",
    help: "Lists and watches that failed, and objects that were left out, by reason.",
    subject: resource,
    detail: reason,
    bounded: true,
    collect(errors) {
      for (const { name, failures } of resources) {
        for (const [word, count] of failures) {
          errors.set(resource.intern(name), reason.intern(word), count);
        }
      }
    },
  });
  catalog.gauge({
    name: "ringtap_kubernetes_circuit_state",
    help: "1 for the current state of the circuit breaker for the API server (closed, open or half_open), 0 for the others.",
    subject: state,
    bounded: true,
    collect(gauge) {
      if (cluster !== undefined) {
        for (const word of circuitStates) {
          gauge.set(state.intern(word), 0, cluster.circuit === word ? 1 : 0);
        }
      }
    },
  });
  catalog.gauge({
    name: "ringtap_peer_addresses",
    help: "Addresses, each with a port, by which peers of connections are recognised.",
    read: () => peers?.addresses ?? 0,
  });
  catalog.counter({
    name: "ringtap_peer_addresses_refused_total",
    help: "Addresses not stored because the limit was reached; their peers are shown by the class of the address.",
    read: () => peers?.refusedAddresses ?? 0,
  });
}
