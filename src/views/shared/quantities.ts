/** Quantities as people read them at a glance: three digits and a unit. */

/** Three digits; a whole number of fewer digits as it is. */
function threeDigits(value: number, isWhole: boolean): string {
  return isWhole ? `${Math.round(value)}` : value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0);
}

/** A value in the first unit in which it reads as less than `base`, each unit being `base` times the one before. */
function withUnit(value: number, base: number, units: readonly string[], isWhole: boolean): string {
  let scaled = value;
  let unit = 0;
  while (Math.round(scaled) >= base && unit < units.length - 1) {
    scaled /= base;
    unit++;
  }
  return `${threeDigits(scaled, isWhole && unit === 0)}${units[unit] ?? ""}`;
}

/** `0`, `<0.01`, `0.51`, `7`, `417`, `12.3k`, `1.05M`: a count, or a rate of counts. Units are of 1000. */
export function countText(count: number): string {
  return count > 0 && count < 0.005
    ? "<0.01"
    : withUnit(count, 1000, ["", "k", "M", "G", "T"], Number.isInteger(count));
}

/** `0`, `417`, `12.3K`, `1.05M`: bytes, or a rate of bytes. Units are of 1024, as those of `free -h` and `ls -h`. */
export function bytesText(bytes: number): string {
  return withUnit(bytes, 1024, ["", "K", "M", "G", "T"], true);
}

/** `0ns`, `417ns`, `12.3us`, `1.05ms`, `93.1s`; the units are those that the flags read. */
export function durationText(seconds: number): string {
  return withUnit(seconds * 1e9, 1000, ["ns", "us", "ms", "s"], true);
}

/** `0%`, `1.5%`, `12%`: a part of 1. */
export function shareText(share: number): string {
  return `${(share * 100).toFixed(share > 0 && share < 0.0995 ? 1 : 0)}%`;
}
