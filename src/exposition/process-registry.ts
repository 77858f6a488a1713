/** A prom-client registry of the agent's process: CPU, memory, event loop and garbage collector. */
import { collectDefaultMetrics, Registry } from "prom-client";
import { EventLoopLag } from "./event-loop-lag.js";

/**
 * Default metrics of prom-client 15 that `promtool check metrics` refuses: gauges whose names end in `_total`, as only those of
 * counters should. Their breakdown by type, under the name without `_total`, stays.
 */
const misnamed = ["nodejs_active_handles_total", "nodejs_active_requests_total", "nodejs_active_resources_total"];

/**
 * How often prom-client is to have the event loop's lag sampled, milliseconds: never. A timer that wakes the agent up four times a second would
 * be half of what it takes while idle, and tells its own pause as a lag.
 */
const lagPrecision = 2 ** 31 - 1;

/**
 * A new registry in the text format 0.0.4 with prom-client's default metrics, save those with a misleading name; the event loop's lag is `lag`.
 */
export function createProcessRegistry(lag = new EventLoopLag()): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: lagPrecision });
  for (const name of misnamed) {
    registry.removeSingleMetric(name);
  }
  lag.declare(registry);
  return registry;
}
