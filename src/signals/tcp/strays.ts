/** What the kernel sends for no connection of a process: SYN-ACKs again, and resets (bpf/tcp/strays.h). */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Counters, Identity, Owner, SignalContext } from "ringtap/signal";

/** In place of a process, where there is none. */
const none = 0;

/** By enum stray_kind: adds so many to a subject's counts. */
export type StrayCounts = readonly ((subject: number, count: number) => void)[];

/** Reads the kernel's counts of strays. */
export class Strays {
  /** How many have been read. */
  collected = 0;
  readonly counters: Counters;
  readonly #identity: Identity;
  readonly #counts: StrayCounts;

  constructor(context: SignalContext, counts: StrayCounts) {
    this.#identity = context.identity;
    this.#counts = counts;
    this.counters = context.counters("strays", { owner: (key) => this.#owner(key) });
  }

  /** Reads what has been counted since the last time. */
  async read(): Promise<void> {
    const take = (key: Uint32Array, counts: Float64Array): void => {
      const [low = 0, high = 0, tgid = none, kind = 0] = key;
      const count = counts[0] as number;
      // A listener can outlive the process that made it: then it is no process's that is known.
      const isKnown = tgid !== none && this.#stateOf(key) !== undefined;
      const actor = isKnown ? this.#identity.ofProcess(tgid, low + high * 2 ** 32) : this.#identity.ofProcess(none, 0);
      this.#counts[kind]?.(this.#identity.subject(actor), count);
      this.collected += count;
    };
    while (this.counters.readSome(take)) {
      await nextTurn();
    }
  }

  #stateOf([low = 0, high = 0, tgid = none]: Uint32Array): ReturnType<Identity["stateOf"]> {
    return this.#identity.stateOf(tgid, low + high * 2 ** 32);
  }

  #owner(key: Uint32Array): Owner {
    return key[2] === none || this.#stateOf(key) === "active" ? "alive" : "ended";
  }
}
