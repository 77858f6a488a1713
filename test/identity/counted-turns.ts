/** The time of turns, for tests: nothing depends on how fast the machine is. */
import { Turns } from "../../src/identity/turns.js";

/** How many things a turn of {@link countedTurns} has time for, at most. */
export const turnSize = 128;

/** Milliseconds: src/identity/turns.ts. */
const turnMs = 2;

/** Turns that are long enough for everything. */
export function endlessTurns(): Turns {
  return new Turns(() => 0);
}

/** Turns that end when they have been asked {@link turnSize} times whether they have time. */
export function countedTurns(): Turns {
  let asked = 0;
  return new Turns(() => (asked++ * turnMs) / turnSize);
}
