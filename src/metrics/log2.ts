/** Powers of two as histogram buckets. */

/** The slot of what is too large to be exact: above every finite bucket. */
const beyondExact = 64;

/**
 * The smallest k with `value` ≤ 2^k, that is ceil(log2(value)); 0 for everything up to 1. Rounded up, so that "at most 2^k" is
 * true of all that slot k holds. Exact for whole numbers up to 2^53, worked out on 32-bit halves; 64 above that.
 */
export function log2Ceil(value: number): number {
  if (!(value > 1)) {
    return 0;
  }
  if (value <= 2 ** 32) {
    return 32 - Math.clz32(Math.ceil(value) - 1);
  }
  if (value > Number.MAX_SAFE_INTEGER + 1) {
    return beyondExact;
  }
  return 64 - Math.clz32(Math.floor((Math.ceil(value) - 1) / 2 ** 32));
}

/** 2^-30 seconds in nanoseconds, which is exact. */
const smallest = 1e9 / 2 ** 30;

/** By k: 2^(k - 30) seconds in nanoseconds. */
const bounds = Float64Array.from({ length: beyondExact + 1 }, (_, power) => smallest * 2 ** power);

/**
 * The smallest k of at least -30 with `nanoseconds` ≤ 2^k seconds. Exact for whole numbers up to 2^53, above 22 beyond.
 * `ceil_log2_seconds` of bpf/include/ringtap/log2.h does the same, 30 added.
 */
export function secondsPower(nanoseconds: number): number {
  const power = log2Ceil(nanoseconds);
  return nanoseconds > (bounds[power] as number) ? power - 29 : power - 30;
}
