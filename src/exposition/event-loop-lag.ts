/** How late the event loop comes to its timers, as prom-client's metrics of these names tell it, without a timer for nothing but that. */
import { createHistogram } from "node:perf_hooks";
import { Gauge, type Registry } from "prom-client";

type Histogram = ReturnType<typeof createHistogram>;

/** By the middle of a metric's name: what it is of all lags, and in nanoseconds. */
const statistics: readonly (readonly [name: string, what: string, read: (lag: Histogram) => number])[] = [
  ["min", "Least", (lag) => lag.min],
  ["max", "Greatest", (lag) => lag.max],
  ["mean", "Mean", (lag) => lag.mean],
  ["stddev", "Standard deviation of the", (lag) => lag.stddev],
  ["p50", "50th percentile of the", (lag) => lag.percentile(50)],
  ["p90", "90th percentile of the", (lag) => lag.percentile(90)],
  ["p99", "99th percentile of the", (lag) => lag.percentile(99)],
];

/** The lags since the last scrape, told by a timer that runs anyhow. */
export class EventLoopLag {
  readonly #lags = createHistogram();

  /** A timer came so many milliseconds after its time. */
  readonly note = (late: number): void => {
    // A histogram has no 0.
    this.#lags.record(Math.max(1, Math.round(late * 1e6)));
  };

  /** Declares the metrics, in the place of others of their names. Where no timer has come since the last scrape, they stay as they were. */
  declare(registry: Registry): void {
    const gauges = statistics.map(([name, what, read], index) => {
      const metric = `nodejs_eventloop_lag_${name}_seconds`;
      registry.removeSingleMetric(metric);
      const gauge = new Gauge({
        name: metric,
        help: `${what} lag of the event loop since the last scrape, told once a second, or every five while little happens.`,
        registers: [registry],
        // The first one sets them all.
        ...(index === 0 && { collect: refresh }),
      });
      return { gauge, read };
    });
    const lags = this.#lags;
    function refresh(): void {
      if (lags.count === 0) {
        return;
      }
      for (const { gauge, read } of gauges) {
        gauge.set(read(lags) / 1e9);
      }
      lags.reset();
    }
  }
}
