/** The handlers of an object: its programs made by SYSCALL_ENTER() and SYSCALL_EXIT() of `bpf/include/ringtap/dispatch.h`. */
import type { BpfObject, ProgramStats } from "../../binding/native.js";
import { indexCount, syscallIndexes } from "../../sdk/syscall-names.js";
import { messageOf } from "../../log/error-text.js";
import { CallTable, type SyscallHook, syscallHooks } from "./call-table.js";
import { Dispatcher, type HandlerStats, type Slot } from "./dispatcher.js";

interface Handler {
  readonly program: string;
  readonly hook: SyscallHook;
}

/** Those of an open object that are not left out. */
function findHandlers(object: BpfObject, without: readonly string[]): Handler[] {
  const variables = new Set(object.variables(""));
  return object.programs.flatMap(({ name, section }) => {
    const hook = syscallHooks.find((each) => section === `tp_btf/sys_${each}`);
    const isHandler = hook !== undefined && variables.has(`${name}_slot`) && !without.includes(name);
    return isHandler ? [{ program: name, hook }] : [];
  });
}

/** How handlers are to run. */
export interface HandlerOptions {
  /** Names of the calls that they want; undefined for every call. */
  readonly syscalls: readonly string[] | undefined;
  /** Programs of the object that are left out. */
  readonly without: readonly string[];
  /** Do they count their runs and the time that these take? It costs two readings of the clock. */
  readonly countRuns: boolean;
  /** Why they have to be attached to their hooks alone. */
  readonly alone?: string | undefined;
}

/** The handlers of one object, from before its load to its close. */
export class SyscallHandlers {
  readonly #object: BpfObject;
  readonly #handlers: readonly Handler[];
  readonly #indexes: readonly number[];
  #slots: ReadonlyMap<string, Slot> = new Map();
  #alone: string | undefined;

  /**
   * Prepares an open object for its load: gives each handler a slot. Where that is not possible, each is attached to its hook alone, see
   * {@link alone}. Throws for a name that no system call has.
   */
  constructor(object: BpfObject, options: HandlerOptions) {
    const { syscalls, without, countRuns } = options;
    this.#object = object;
    this.#handlers = findHandlers(object, without);
    this.#indexes =
      syscalls === undefined
        ? Array.from({ length: indexCount }, (_, index) => index)
        : syscalls.flatMap(syscallIndexes);
    if (this.#handlers.length === 0) {
      return;
    }
    this.#alone = options.alone ?? this.#takeSlots(syscalls === undefined);
    if (this.#alone === undefined && countRuns) {
      object.setConstant("count_runs", 1);
    }
  }

  /** Returns why there are none. */
  #takeSlots(isForAll: boolean): string | undefined {
    const hooks = this.#handlers.map(({ hook }) => hook);
    let taken: ReturnType<typeof Dispatcher.take>;
    try {
      taken = Dispatcher.take(hooks, isForAll);
    } catch (error) {
      return messageOf(error);
    }
    if (taken === undefined) {
      return "all slots of the dispatch programs are taken";
    }
    const { dispatcher, slots } = taken;
    this.#slots = new Map(this.#handlers.map(({ program }, at) => [program, slots[at] as Slot]));
    try {
      const misfit = dispatcher.misfit(this.#object);
      if (misfit !== undefined) {
        this.close();
        return misfit;
      }
      dispatcher.share(this.#object);
      for (const [program, { number }] of this.#slots) {
        this.#object.setConstant(`${program}_slot`, number);
      }
      return undefined;
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Why the handlers are attached to their hooks alone, where other agents' programs would be too; undefined when they are not. */
  get alone(): string | undefined {
    return this.#alone;
  }

  /** Has the program a slot? */
  has(program: string): boolean {
    return this.#slots.has(program);
  }

  /** Called when the object is loaded, before anything of it is attached. */
  loaded(): void {
    if (this.#alone === undefined || this.#handlers.length === 0) {
      return;
    }
    const table = new CallTable();
    for (const hook of syscallHooks) {
      table.add(this.#object, hook, 0, this.#indexes);
    }
  }

  /** Attaches a program, handler or not. */
  attach(program: string): void {
    const slot = this.#slots.get(program);
    if (slot === undefined) {
      this.#object.attach(program);
    } else {
      slot.fill(this.#object.programDescriptor(program), this.#indexes);
    }
  }

  /** Statistics of a program, handler or not. */
  stats(program: string): ProgramStats {
    const stats = this.#object.stats(program);
    const own: HandlerStats | undefined = this.#slots.get(program)?.stats();
    return own === undefined ? stats : { ...stats, ...own };
  }

  /** Empties the slots; called before the object is closed. Idempotent. */
  close(): void {
    const slots = [...this.#slots.values()];
    this.#slots = new Map();
    for (const slot of slots) {
      slot.release();
    }
  }
}
