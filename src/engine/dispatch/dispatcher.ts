/**
 * The dispatch programs, one on sys_enter and one on sys_exit, whatever signals run: `bpf/include/ringtap/dispatch.h` says how they find
 * the handlers of a call. All signals of a process share them; they are in the kernel while any has a handler.
 */
import { fileURLToPath } from "node:url";

import { type BpfMap, type BpfObject, native, type ProgramStats } from "../../binding/native.js";
import { CallTable, type SyscallHook, syscallHooks } from "./call-table.js";

/** DISPATCH_SLOTS of bpf/include/ringtap/dispatch.h. */
const slotCount = 8;

/** A dispatch program, and the map of its slots. */
const programs = { enter: "dispatch_sys_enter", exit: "dispatch_sys_exit" } as const;
const slotMaps = { enter: "dispatch_enter", exit: "dispatch_exit" } as const;

/** The maps that an object with handlers shares with the dispatch programs. */
export const sharedMaps: readonly string[] = [".data.dispatch", "dispatch_enter", "dispatch_exit", "dispatch_runs"];

function word(number: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(number).buffer);
}

/** The type and sizes of an object's map, in one text; undefined where it has none of this name. */
function shapeOf({ maps }: BpfObject, name: string): string | undefined {
  const map = maps.find((each) => each.name === name);
  return map && [map.type, map.keySize, map.valueSize, map.maxEntries].join();
}

/** What the kernel and handlers count of one of them. */
export type HandlerStats = Pick<ProgramStats, "runs" | "nanoseconds" | "misses">;

/** A slot that a handler has, which does not run before {@link fill}. */
export class Slot {
  readonly number: number;
  readonly hook: SyscallHook;
  readonly #dispatcher: Dispatcher;
  #isFilled = false;
  #missesBefore = 0;
  #runsBefore: readonly [count: number, time: number] = [0, 0];

  constructor(dispatcher: Dispatcher, hook: SyscallHook, number: number) {
    this.#dispatcher = dispatcher;
    this.hook = hook;
    this.number = number;
  }

  /** From now on the program runs for the calls with these indexes. */
  fill(program: number, indexes: readonly number[]): void {
    this.#dispatcher.fill(this, program, indexes);
    this.#isFilled = true;
    this.#missesBefore = this.#dispatcher.stats(this.hook).misses;
    this.#runsBefore = this.#dispatcher.runs(this);
  }

  /**
   * What has been counted of the program since it has the slot: its misses are those of the dispatch program, each of which may
   * have concerned it; runs and time are 0 unless handlers count them.
   */
  stats(): HandlerStats {
    if (!this.#isFilled) {
      return { runs: 0, nanoseconds: 0, misses: 0 };
    }
    const [count, time] = this.#dispatcher.runs(this);
    return {
      runs: count - this.#runsBefore[0],
      nanoseconds: time - this.#runsBefore[1],
      misses: this.#dispatcher.stats(this.hook).misses - this.#missesBefore,
    };
  }

  /** Empties the slot: the program does not begin to run any more. */
  release(): void {
    this.#dispatcher.release(this, this.#isFilled);
    this.#isFilled = false;
  }
}

/** The object of the dispatch programs, loaded. */
export class Dispatcher {
  static #current: Dispatcher | undefined;
  readonly #object: BpfObject;
  readonly #slotMaps: Readonly<Record<SyscallHook, BpfMap>>;
  readonly #runs: BpfMap;
  readonly #table = new CallTable();
  readonly #taken: Readonly<Record<SyscallHook, Set<Slot>>> = { enter: new Set(), exit: new Set() };
  readonly #filled: Readonly<Record<SyscallHook, Set<Slot>>> = { enter: new Set(), exit: new Set() };

  private constructor() {
    this.#object = native.open(fileURLToPath(new URL(`./${process.arch}/dispatch.bpf.o`, import.meta.url)));
    try {
      this.#object.load();
      this.#slotMaps = { enter: this.#object.map(slotMaps.enter), exit: this.#object.map(slotMaps.exit) };
      this.#runs = this.#object.map("dispatch_runs");
    } catch (error) {
      this.#object.close();
      throw error;
    }
  }

  /** The one that is in the kernel. */
  static get current(): Dispatcher | undefined {
    return Dispatcher.#current;
  }

  /**
   * Takes slots for handlers on these hooks, all or none; undefined when there are not as many left. Loads the dispatch programs for the
   * first; throws when the kernel refuses them. Handlers of every call run nearest to the call: first when it returns, last when it
   * begins, so that the time which others take is in none of their clocks.
   */
  static take(hooks: readonly SyscallHook[], isForAll: boolean): { dispatcher: Dispatcher; slots: Slot[] } | undefined {
    const dispatcher = (Dispatcher.#current ??= new Dispatcher());
    const slots: Slot[] = [];
    for (const hook of hooks) {
      const slot = dispatcher.#takeSlot(hook, isForAll === (hook === "exit"));
      if (slot === undefined) {
        for (const taken of slots) {
          taken.release();
        }
        return undefined;
      }
      slots.push(slot);
    }
    return { dispatcher, slots };
  }

  #takeSlot(hook: SyscallHook, isFromFront: boolean): Slot | undefined {
    const taken = new Set([...this.#taken[hook]].map(({ number }) => number));
    const numbers = Array.from({ length: slotCount }, (_, n) => (isFromFront ? n : slotCount - 1 - n));
    const number = numbers.find((each) => !taken.has(each));
    if (number === undefined) {
      return undefined;
    }
    const slot = new Slot(this, hook, number);
    this.#taken[hook].add(slot);
    return slot;
  }

  /** Why an object cannot have its maps, being built with other headers; undefined when it can. */
  misfit(object: BpfObject): string | undefined {
    const differs = sharedMaps.find((name) => {
      const [own, shared] = [object, this.#object].map((each) => shapeOf(each, name));
      return own === undefined || own !== shared;
    });
    return differs === undefined ? undefined : `map ${differs}: not that of this build's <ringtap/dispatch.h>`;
  }

  /** Gives an object that has not been loaded its maps. */
  share(object: BpfObject): void {
    for (const { name, descriptor } of this.#object.maps.filter((map) => sharedMaps.includes(map.name))) {
      object.reuseMap(name, descriptor);
    }
  }

  /** {@link Slot.fill}: the slot first, then the calls that are to reach it. */
  fill(slot: Slot, program: number, indexes: readonly number[]): void {
    const { hook, number } = slot;
    this.#slotMaps[hook].set(word(number), word(program));
    this.#filled[hook].add(slot);
    this.#table.add(this.#object, hook, number, indexes);
    if (this.#filled[hook].size === 1) {
      try {
        this.#object.attach(programs[hook]);
      } catch (error) {
        this.#filled[hook].delete(slot);
        this.#table.remove(this.#object, hook, number);
        this.#slotMaps[hook].deleteKeys(word(number), 1);
        throw error;
      }
    }
  }

  /** {@link Slot.release}: no call reaches the slot any more, then it is emptied; the last one takes the dispatch programs away. */
  release(slot: Slot, isFilled: boolean): void {
    const { hook, number } = slot;
    if (isFilled) {
      this.#table.remove(this.#object, hook, number);
    }
    this.#taken[hook].delete(slot);
    if (this.#filled[hook].delete(slot)) {
      if (this.#filled[hook].size === 0) {
        this.#object.detach(programs[hook]);
      }
      this.#slotMaps[hook].deleteKeys(word(number), 1);
    }
    if (this.#taken.enter.size + this.#taken.exit.size === 0) {
      Dispatcher.#current = undefined;
      this.#object.close();
    }
  }

  /** What the kernel counts of a dispatch program: its time has that of all handlers in it. */
  stats(hook: SyscallHook): ProgramStats {
    return this.#object.stats(programs[hook]);
  }

  /** The same by name, of those that are attached. */
  programStats(): (readonly [program: string, stats: ProgramStats])[] {
    return syscallHooks
      .filter((hook) => this.#filled[hook].size > 0)
      .map((hook) => [programs[hook], this.stats(hook)] as const);
  }

  /** Runs of the programs that a slot has had, and their time in nanoseconds, as handlers count them. */
  runs({ hook, number }: Slot): readonly [count: number, time: number] {
    this.#runs.readAll();
    const at = 2 * (number + (hook === "exit" ? slotCount : 0));
    const [count = 0n, time = 0n] = new BigUint64Array(this.#runs.values, 8 * at, 2);
    return [Number(count), Number(time)];
  }
}
