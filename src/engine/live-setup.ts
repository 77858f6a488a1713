/** What is set in the kernel for a signal that runs, as flags and its depth change, and people begin and cease to watch its records. */
import { isDeepStrictEqual } from "node:util";
import type { FlagTable, FlagValues } from "../sdk/flags.js";
import type { EventRecord, Running, Setup, SignalHost, Watched } from "../sdk/signal.js";
import type { Guard } from "./guard.js";
import { type Loaded, setupOf } from "./load.js";
import { canFollow, type Change, prepareSetup } from "./setup-changes.js";

/** The setup of one signal. */
export class LiveSetup {
  readonly #loaded: Loaded;
  readonly #guard: Guard;
  readonly #running: Running<EventRecord>;
  readonly #watched: () => Watched;
  #setup: Setup;
  #flags: FlagValues<FlagTable>;
  #depth: string | undefined;

  /** `watched` says which of the signal's records are. */
  constructor(loaded: Loaded, guard: Guard, running: Running<EventRecord>, watched: () => Watched) {
    this.#loaded = loaded;
    this.#guard = guard;
    this.#running = running;
    this.#watched = watched;
    this.#setup = loaded.setup;
    this.#flags = loaded.flags;
    this.#depth = loaded.host.depth;
  }

  get #host(): SignalHost {
    const { host } = this.#loaded;
    return host.mode === "trace" ? host : { ...host, watched: this.#watched(), depth: this.#depth };
  }

  /** The depth that the signal is at; undefined where it has none to choose from. */
  get depth(): string | undefined {
    return this.#depth;
  }

  /** Has the kernel side go to another depth, and tells the signal. What goes wrong is counted and logged, and changes nothing. */
  goTo(depth: string): void {
    const before = this.#depth;
    this.#depth = depth;
    if (this.followHost()) {
      this.#guard.call("reconfigure", () => this.#running.atDepth?.(depth), undefined);
    } else {
      this.#depth = before;
    }
  }

  /**
   * Prepares to follow flags that have changed, as far as attached programs can: see {@link Setup}. Undefined when the signal has to be
   * loaded again. Throws, having changed nothing, when the flags do not fit.
   */
  reconfigure(flags: FlagValues<FlagTable>): Change | undefined {
    const { signal, object } = this.#loaded;
    const to = setupOf(signal, flags, this.#host);
    const from = this.#setup;
    const isFollowed = !isDeepStrictEqual(from, to) || this.#running.reconfigure !== undefined;
    if (!canFollow(from, to) || (!isFollowed && !isDeepStrictEqual(flags, this.#flags))) {
      return undefined;
    }
    const before = this.#flags;
    const change = prepareSetup(object, from, to);
    const follow = (setup: Setup, values: FlagValues<FlagTable>): void => {
      this.#setup = setup;
      this.#flags = values;
      this.#guard.call("reconfigure", () => this.#running.reconfigure?.(values), undefined);
      // Someone may have begun or ceased to watch since the change was prepared.
      this.followHost();
    };
    return {
      commit() {
        change.commit();
        follow(to, flags);
      },
      cancel() {
        change.cancel();
      },
      revert() {
        change.revert();
        follow(from, before);
      },
    };
  }

  /** Has the kernel side follow who watches and the depth. What goes wrong is counted and logged, and changes nothing: false then. */
  followHost(): boolean {
    return this.#guard.call(
      "reconfigure",
      () => {
        const { signal, object } = this.#loaded;
        const to = setupOf(signal, this.#flags, this.#host);
        if (isDeepStrictEqual(to, this.#setup)) {
          return true;
        }
        if (!canFollow(this.#setup, to)) {
          throw new Error("setup: more than variables and sets depends on what is watched and on the depth");
        }
        prepareSetup(object, this.#setup, to).commit();
        this.#setup = to;
        return true;
      },
      false,
    );
  }
}
