/** Figures as text. */
import type { Spread } from "./spread.js";
import type { Target } from "./scenario.js";

/** Three digits, more only before the decimal point: 2.91, 23.4, 1,640. */
export function figure(value: number): string {
  const decimals = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

/** `23.4 (22.9–25.0)`: median, least, most. */
export function range({ median, least, most }: Spread): string {
  return `${figure(median)} (${figure(least)}–${figure(most)})`;
}

/** A target that is reached when the figure is small enough; `unit` follows the number, such as " ns" or " × C". */
export function atMost(limit: number, measured: number, unit: string, what: string): Target {
  return {
    figure: what,
    wanted: `≤ ${limit.toLocaleString("en")}${unit}`,
    measured: `${figure(measured)}${unit}`,
    reached: measured <= limit,
  };
}

/** A target that is reached when the figure is large enough. */
export function atLeast(limit: number, measured: number, unit: string, what: string): Target {
  return {
    figure: what,
    wanted: `≥ ${limit.toLocaleString("en")}${unit}`,
    measured: `${figure(measured)}${unit}`,
    reached: measured >= limit,
  };
}
