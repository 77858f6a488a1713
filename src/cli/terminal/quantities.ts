/** Numbers for people: three digits and a unit. */

/** `417ns`, `12.3us`, `1.05ms`, `93.1s`. */
export function durationText(seconds: number): string {
  for (const [unit, factor] of [
    ["ns", 1e9],
    ["us", 1e6],
    ["ms", 1e3],
  ] as const) {
    const amount = seconds * factor;
    if (Number(amount.toPrecision(3)) < 1000) {
      return `${unit === "ns" ? Math.round(amount) : amount.toPrecision(3)}${unit}`;
    }
  }
  return `${seconds < 1000 ? seconds.toPrecision(3) : Math.round(seconds)}s`;
}

/** `-` for nothing, `0.5`, `417`, `12.3k`, `1.05M`; thousands, not 1024. */
export function countText(count: number): string {
  if (count === 0) {
    return "-";
  }
  if (count < 999.5) {
    return count < 9.95 && !Number.isInteger(count) ? count.toFixed(1) : Math.round(count).toString();
  }
  for (const [unit, size] of [
    ["k", 1e3],
    ["M", 1e6],
    ["G", 1e9],
  ] as const) {
    const amount = count / size;
    if (Number(amount.toPrecision(3)) < 1000) {
      return `${amount.toPrecision(3)}${unit}`;
    }
  }
  return `${(count / 1e12).toPrecision(3)}T`;
}
