/** Numbers as people read them at a glance: three digits and a unit. */

const none = "·";

function threeDigits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function withUnit(value: number, base: number, units: readonly string[]): string {
  let scaled = value;
  let unit = 0;
  while (scaled >= base && unit < units.length - 1) {
    scaled /= base;
    unit++;
  }
  const text = unit === 0 && Number.isInteger(scaled) ? `${scaled}` : threeDigits(scaled);
  return `${text}${units[unit] ?? ""}`;
}

/** 1.20k; a dot for nothing. */
export function count(value: number): string {
  return value === 0 ? none : value < 0.005 ? "<0.01" : withUnit(value, 1000, ["", "k", "M", "G", "T"]);
}

/** 1.20 MiB as 1.20M; a dot for nothing. */
export function bytes(value: number): string {
  return value === 0 ? none : withUnit(value, 1024, ["", "K", "M", "G", "T"]);
}

/** 1.20ms; a dot for nothing. */
export function seconds(value: number): string {
  return value === 0 ? none : withUnit(value * 1e9, 1000, ["ns", "µs", "ms", "s"]);
}

/** 12.3%; a dot for nothing. */
export function share(value: number): string {
  return value === 0 ? none : `${value >= 0.1 ? (value * 100).toFixed(0) : (value * 100).toFixed(1)}%`;
}

/** All digits, in groups of three: for totals that are to be compared. */
export function exact(value: number): string {
  return Number.isInteger(value) ? value.toLocaleString("en-US").replaceAll(",", "\u202f") : value.toFixed(3);
}
