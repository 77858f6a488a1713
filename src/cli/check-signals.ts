/** Does each signal work here? The only sure way to know is to try. */
import { Identity } from "../identity/identity.js";
import type { Finding } from "../kernel/finding.js";
import { chooseHierarchy } from "../kernel/cgroup-hierarchy.js";
import { Catalog } from "../metrics/catalog.js";
import { type Loaded, loadSignal } from "../signals/load.js";
import { plain } from "../signals/plain-options.js";
import { RunningSignal } from "../signals/running.js";
import type { Signal, SignalOptions } from "../signals/signal.js";
import { describeError } from "./errors.js";
import { objectFolder } from "./signal-set.js";

/** As `run` has them by default, and with what all labels take. */
const signalOptions: SignalOptions = {
  ...plain,
  cgroup: { hierarchy: chooseHierarchy("auto"), inRecords: true },
};

/** Bytes: it holds nothing but what happens during the check. */
const ringSize = 2 ** 16;

/** Loads a signal's programs, attaches each and walks its iterators, then takes everything out of the kernel again. */
export function checkSignal(signal: Signal): Finding {
  const check = `signal ${signal.name}`;
  let loaded: Loaded;
  try {
    loaded = loadSignal(signal, signalOptions, { folder: objectFolder, ringSize });
  } catch (error) {
    return { check, status: "fail", detail: describeError(error) };
  }
  try {
    const catalog = new Catalog();
    const running = new RunningSignal(signal, loaded, catalog, new Identity(catalog, []), signalOptions, (error) => {
      throw error;
    });
    running.attach();
  } catch (error) {
    return { check, status: "fail", detail: `${loaded.hook.name}: ${describeError(error)}` };
  } finally {
    loaded.object.close();
  }
  return attachedBy(check, loaded);
}

function attachedBy(check: string, { hook, attachable, refused, lost }: Loaded): Finding {
  const detail = [
    `${hook.name}: ${attachable.join(", ")}`,
    ...refused.slice(0, 1).map((better) => `refused: ${better.hook.name} (${describeError(better.error)})`),
    ...lost.map((loss) => `without ${loss.detail} (${describeError(loss.error)})`),
  ].join("; ");
  return { check, status: lost.length === 0 ? "ok" : "warn", detail };
}
