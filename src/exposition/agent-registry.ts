/** The agent's own prom-client registry: process, event loop and garbage collector. */
import { collectDefaultMetrics, Counter, Gauge, Registry } from "prom-client";
import type { Identity } from "../identity/identity.js";

/**
 * Default metrics of prom-client 15 that `promtool check metrics` refuses: gauges whose names end in `_total`, as only those of
 * counters should. Their breakdown by type, under the name without `_total`, stays.
 */
const misnamed = ["nodejs_active_handles_total", "nodejs_active_requests_total", "nodejs_active_resources_total"];

/** How often the event loop's lag is looked at, milliseconds. The default of 10 would take 1 % of a core. */
const lagPrecision = 250;

/** A new registry in the text format 0.0.4 with prom-client's default metrics, save those with a misleading name. */
export function createAgentRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: lagPrecision });
  for (const name of misnamed) {
    registry.removeSingleMetric(name);
  }
  return registry;
}

/** Adds what there is to know of the process table: how full it is. */
export function registerIdentityMetrics(registry: Registry, identity: Identity): void {
  const registers = [registry];
  new Gauge({
    name: "ringtap_identities",
    help: "Processes under one of their names that are remembered: those that run, and exited ones with series.",
    registers,
    collect() {
      this.set(identity.actors);
    },
  });
  new Gauge({
    name: "ringtap_identities_limit",
    help: "Processes that may be remembered before the events of further ones are counted as ~other.",
    registers,
  }).set(identity.limit);
  new Counter({
    name: "ringtap_identities_folded_total",
    help: "Times that a process found no room among the remembered ones, and was taken for ~other.",
    registers,
    collect() {
      this.reset();
      this.inc(identity.folded);
    },
  });
}
