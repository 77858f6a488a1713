/** Numbers as the text exposition writes them. */

const zero = "0".charCodeAt(0);

const point = ".".charCodeAt(0);

const billion = 1e9;

/** The most bytes that {@link writeNumber} takes: those of -0.0000012345678901234567. */
export const longestNumber = 25;

/** A sample's number: the shortest decimal that reads back as the same double. */
export function formatNumber(value: number): string {
  if (value === Infinity) {
    return "+Inf";
  }
  return value === -Infinity ? "-Inf" : value.toString();
}

/**
 * A bucket's bound as Go's `strconv` prints it, 2.56e-07 where JavaScript prints 2.56e-7, and whole ones as OpenMetrics wants them,
 * 1.0. `le` is a label, compared as a string: this is the form that Prometheus itself writes when it gets the number by protobuf.
 */
export function formatBound(bound: number): string {
  if (!Number.isFinite(bound)) {
    return formatNumber(bound);
  }
  if (bound === 0 || (Math.abs(bound) >= 1e-4 && Math.abs(bound) < 1e6)) {
    return Number.isInteger(bound) ? `${bound}.0` : formatNumber(bound);
  }
  return bound.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
}

function digitsOf(value: number): number {
  let digits = 1;
  for (let limit = 10; value >= limit; limit *= 10) {
    digits++;
  }
  return digits;
}

/** Writes a whole number below 2^31 with so many digits, leading zeros among them; returns where it ends. */
function writeDigits(value: number, digits: number, into: Uint8Array, at: number): number {
  let rest = value | 0;
  for (let place = at + digits - 1; place >= at; place--) {
    const tens = (rest / 10) | 0;
    into[place] = zero + rest - tens * 10;
    rest = tens;
  }
  return at + digits;
}

/** Writes at `at` what {@link formatNumber} gives; returns where it ends. Whole numbers, which counts are, take no string. */
export function writeNumber(value: number, into: Uint8Array, at: number): number {
  if (value >= 0 && (value | 0) === value) {
    return writeDigits(value, digitsOf(value), into, at);
  }
  if (value > 0 && Number.isSafeInteger(value)) {
    const billions = Math.floor(value / billion);
    const next = writeDigits(billions, digitsOf(billions), into, at);
    return writeDigits(value - billions * billion, 9, into, next);
  }
  const text = formatNumber(value);
  for (let index = 0; index < text.length; index++) {
    into[at + index] = text.charCodeAt(index);
  }
  return at + text.length;
}

/** Writes at `at` a time after 1970, below 2^31 seconds, that is given in whole milliseconds, in seconds; returns where it ends. */
export function writeSeconds(milliseconds: number, into: Uint8Array, at: number): number {
  const seconds = Math.floor(milliseconds / 1000);
  const next = writeDigits(seconds, digitsOf(seconds), into, at);
  into[next] = point;
  return writeDigits(milliseconds - seconds * 1000, 3, into, next + 1);
}
