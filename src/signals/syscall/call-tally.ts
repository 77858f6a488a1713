/** System calls counted in a compact table, record by record, until they are added to the metrics. */
import { actorWords, type Identity, secondsPower } from "ringtap/signal";
import type { SyscallEvent } from "./records.js";
import { callSlots, firstPower } from "./metrics.js";

/** A line in words: its key (the actor's words, number, errno), the actor's id, a sum of nanoseconds (two words), the slots. */
const nrAt = actorWords;
const errorAt = nrAt + 1;
const actorAt = nrAt + 2;
const sumAt = nrAt + 3;
const slotsAt = nrAt + 5;
const lineWords = slotsAt + callSlots;

/** Lines at the least and at the most: 11 MB. */
const fewestLines = 512;
const mostLines = 65_536;

/** What a line has counted. */
export interface TalliedCalls {
  /** Id of the actor in {@link Identity}. */
  actor: number;
  nr: number;
  /** The errno; 0 for calls that did not fail. */
  error: number;
  nanoseconds: number;
  /** Calls by duration: see syscall-metrics.ts. */
  slots: Uint32Array;
}

/** Where a search begins. */
function home(tgid: number, nr: number, error: number, mask: number): number {
  const hash = Math.imul(tgid, 0x9e3779b1) ^ Math.imul((error << 12) ^ nr, 0x85ebca6b);
  return (hash ^ (hash >>> 15)) & mask;
}

/**
 * Counts by process and its name, number and errno. A call whose line is there costs a few nanoseconds and allocates nothing: no
 * metric, no label and no other table is read. A slot is good for 2^32 calls: {@link empty} it every few seconds.
 */
export class CallTally {
  readonly #identity: Identity;
  readonly #take: (calls: TalliedCalls) => void;
  /** Line + 1 by hash, 0 where there is none; at most half full. */
  #index = new Uint32Array(2 * fewestLines);
  #words = new Uint32Array(fewestLines * lineWords);
  /** The same memory. */
  #sums = new Float64Array(this.#words.buffer);
  #size = 0;

  /** `take` gets each line when the tally is emptied, always in the same object. */
  constructor(identity: Identity, take: (calls: TalliedCalls) => void) {
    this.#identity = identity;
    this.#take = take;
  }

  /** Counts one call. */
  add(event: SyscallEvent): void {
    const { nr, error, duration } = event;
    const index = this.#index;
    const words = this.#words;
    const mask = index.length - 1;
    for (let place = home(event.tgid, nr, error, mask); ; place = (place + 1) & mask) {
      const line = index[place] as number;
      if (line === 0) {
        break;
      }
      const at = (line - 1) * lineWords;
      if (words[at + nrAt] === nr && words[at + errorAt] === error && event.isActor(words, at)) {
        this.#count(at, duration);
        return;
      }
    }
    this.#count(this.#insert(event), duration);
  }

  /** Hands over every line, and begins anew. */
  empty(): void {
    const end = this.#size * lineWords;
    const words = this.#words;
    const calls: TalliedCalls = { actor: 0, nr: 0, error: 0, nanoseconds: 0, slots: words };
    for (let at = 0; at < end; at += lineWords) {
      calls.actor = words[at + actorAt] as number;
      calls.nr = words[at + nrAt] as number;
      calls.error = words[at + errorAt] as number;
      calls.nanoseconds = this.#sums[(at + sumAt) / 2] as number;
      calls.slots = words.subarray(at + slotsAt, at + lineWords);
      this.#take(calls);
    }
    words.fill(0, 0, end);
    this.#index.fill(0);
    this.#size = 0;
  }

  #count(at: number, duration: number): void {
    const slot = Math.min(Math.max(secondsPower(duration) - firstPower, 0), callSlots - 1);
    (this.#words[at + slotsAt + slot] as number) += 1;
    (this.#sums[(at + sumAt) / 2] as number) += duration;
  }

  /** Makes the line for the call of an event. Returns where it begins. */
  #insert(event: SyscallEvent): number {
    if (this.#size === mostLines) {
      this.empty();
    } else if (2 * this.#size === this.#index.length) {
      this.#grow();
    }
    const at = this.#size * lineWords;
    const words = this.#words;
    event.copyActor(words.subarray(at, at + actorWords));
    words[at + nrAt] = event.nr;
    words[at + errorAt] = event.error;
    words[at + actorAt] = this.#identity.of(event);
    this.#enter(this.#size++);
    return at;
  }

  /** Makes a line findable. */
  #enter(line: number): void {
    const index = this.#index;
    const mask = index.length - 1;
    const at = line * lineWords;
    let place = home(
      this.#words[at] as number,
      this.#words[at + nrAt] as number,
      this.#words[at + errorAt] as number,
      mask,
    );
    while (index[place] !== 0) {
      place = (place + 1) & mask;
    }
    index[place] = line + 1;
  }

  #grow(): void {
    const words = new Uint32Array(2 * this.#words.length);
    words.set(this.#words);
    this.#words = words;
    this.#sums = new Float64Array(words.buffer);
    this.#index = new Uint32Array(2 * this.#index.length);
    for (let line = 0; line < this.#size; line++) {
      this.#enter(line);
    }
  }
}
