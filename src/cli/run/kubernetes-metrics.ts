/** Metrics about how well Kubernetes is known. */
import { Counter, Gauge, type Registry } from "prom-client";

import { circuitStates } from "../../kubernetes/client/breaker.js";
import type { Kubernetes } from "../kubernetes.js";

/** Adds how it stands with each resource that is followed. Without a cluster the metrics have no series. */
export function registerKubernetesMetrics(registry: Registry, { cluster, peers }: Kubernetes): void {
  const registers = [registry];
  const resources = cluster?.resources ?? [];
  const labelNames = ["resource"];
  new Gauge({
    name: "ringtap_kubernetes_up",
    help: "1 while the resource is followed; 0 before its first list and from a failure on: labels may be out of date.",
    labelNames,
    registers,
    collect() {
      resources.forEach(({ name, isUp }) => this.set({ resource: name }, isUp ? 1 : 0));
    },
  });
  new Gauge({
    name: "ringtap_kubernetes_last_sync_timestamp_seconds",
    help: "When the resource was last known to be as it is in the cluster; 0 for never.",
    labelNames,
    registers,
    collect() {
      resources.forEach(({ name, lastSync }) => this.set({ resource: name }, lastSync / 1000));
    },
  });
  new Gauge({
    name: "ringtap_kubernetes_objects",
    help: "Objects of the resource that are known.",
    labelNames,
    registers,
    collect() {
      resources.forEach(({ name, objects }) => this.set({ resource: name }, objects));
    },
  });
  new Counter({
    name: "ringtap_kubernetes_errors_total",
    help: "Lists and watches that failed, and objects left out, by reason.",
    labelNames: ["resource", "reason"],
    registers,
    collect() {
      this.reset();
      for (const { name, failures } of resources) {
        failures.forEach((count, reason) => this.inc({ resource: name, reason }, count));
      }
    },
  });
  new Gauge({
    name: "ringtap_kubernetes_circuit_state",
    help: "1 for the state of the circuit breaker before the API server: closed, open or half_open.",
    labelNames: ["state"],
    registers,
    collect() {
      if (cluster !== undefined) {
        circuitStates.forEach((state) => this.set({ state }, cluster.circuit === state ? 1 : 0));
      }
    },
  });
  new Gauge({
    name: "ringtap_peer_addresses",
    help: "Addresses with ports by which peers of connections are known.",
    registers,
    collect() {
      this.set(peers?.addresses ?? 0);
    },
  });
  new Counter({
    name: "ringtap_peer_addresses_refused_total",
    help: "Times that an address found no room among them: its peer goes by the class of its address.",
    registers,
    collect() {
      this.reset();
      this.inc(peers?.refusedAddresses ?? 0);
    },
  });
}
