/** Getting a signal to work by the best way that the kernel takes. */
import type { AnySignal } from "../sdk/signal.js";
import { hooksOf, type Loaded, type LoadOptions, loadSignal, type Refusal } from "./load.js";
import type { RunningSignal } from "./running.js";

/** A signal that the kernel does not attach. */
class AttachError extends Error {
  constructor(signal: AnySignal, { hook }: Loaded, cause: unknown) {
    super(`attaching signal ${signal.name}: ${hook.name}`, { cause });
    this.name = "AttachError";
  }
}

/**
 * Loads a signal and attaches what `make` makes of it. Whether programs can be attached is known only when it is tried: where the kernel
 * refuses one, the next way follows. Nothing of a signal is left when it throws an {@link AttachError}, a LoadError or what `make` throws.
 * `begun` ends the loading that {@link beginLoading} has begun.
 */
export function attachBest(
  signal: AnySignal,
  options: LoadOptions,
  make: (loaded: Loaded) => RunningSignal,
  begun?: () => Loaded,
): RunningSignal {
  const refused: Refusal[] = [];
  for (let end = begun; ; end = undefined) {
    const loaded = end === undefined ? loadSignal(signal, options, refused) : end();
    let running: RunningSignal | undefined;
    try {
      running = make(loaded);
      running.attach();
      return running;
    } catch (error) {
      running?.close();
      running?.removeMetrics();
      loaded.close();
      if (running === undefined || loaded.hook.name === hooksOf(signal).at(-1)?.name) {
        throw new AttachError(signal, loaded, error);
      }
      refused.push({ hook: loaded.hook, error: error as Error });
    }
  }
}
