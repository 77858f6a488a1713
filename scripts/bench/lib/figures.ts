/** Figures as text. */
import type { Spread } from "./spread.js";
import type { Target } from "./scenario.js";

/** Three digits, more only before the decimal point: 2.91, 23.4, 1,640. */
export function figure(value: number): string {
  const decimals = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

/** `23.4 (22.9–25.0)`: what counts, least, most; the first alone when it was the same in all rounds, or there was one. */
export function range({ value, least, most }: Spread): string {
  return least === most ? figure(value) : `${figure(value)} (${figure(least)}–${figure(most)})`;
}

/** What a target is held against: what the rounds gave, or a figure that has no rounds, such as a count. */
type Measured = Spread | number;

/**
 * The value decides, unless the rounds do not tell: some reach the limit, others miss it, and they lie further apart than the
 * limit is high; or it is reached, and the figure was zero or less in some round.
 */
function verdict(measured: Measured, limit: number, reaches: (value: number) => boolean): Target["reached"] {
  if (typeof measured === "number") {
    return reaches(measured) ? "yes" : "no";
  }
  const { value, least, most } = measured;
  if (!reaches(least) && !reaches(most)) {
    return "no";
  }
  const differ = reaches(least) !== reaches(most);
  if (least <= 0 || (differ && most - least > limit)) {
    return "within noise";
  }
  return reaches(value) ? "yes" : "no";
}

function countOrFigure(value: number): string {
  return Number.isInteger(value) ? value.toLocaleString("en") : figure(value);
}

function target(
  sign: string,
  limit: number,
  measured: Measured,
  unit: string,
  what: string,
  reaches: (value: number) => boolean,
): Target {
  const text = typeof measured === "number" ? countOrFigure(measured) : range(measured);
  return {
    figure: what,
    wanted: `${sign} ${limit.toLocaleString("en")}${unit}`,
    measured: `${text}${unit}`,
    reached: verdict(measured, limit, reaches),
  };
}

/** A target that is reached when the figure is small enough; `unit` follows the number, such as " ns" or " × C". */
export function atMost(limit: number, measured: Measured, unit: string, what: string): Target {
  return target("≤", limit, measured, unit, what, (value) => value <= limit);
}

/** A target that is reached when the figure is large enough. */
export function atLeast(limit: number, measured: Measured, unit: string, what: string): Target {
  return target("≥", limit, measured, unit, what, (value) => value >= limit);
}
