/** A prom-client registry of the agent's process: CPU, memory, event loop and garbage collector. */
import { collectDefaultMetrics, Registry } from "prom-client";

/**
 * Default metrics of prom-client 15 that `promtool check metrics` refuses: gauges whose names end in `_total`, as only those of
 * counters should. Their breakdown by type, under the name without `_total`, stays.
 */
const misnamed = ["nodejs_active_handles_total", "nodejs_active_requests_total", "nodejs_active_resources_total"];

/** How often the event loop's lag is sampled, milliseconds. The default of 10 would take 1 % of a core. */
const lagPrecision = 250;

/** A new registry in the text format 0.0.4 with prom-client's default metrics, save those with a misleading name. */
export function createProcessRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: lagPrecision });
  for (const name of misnamed) {
    registry.removeSingleMetric(name);
  }
  return registry;
}
