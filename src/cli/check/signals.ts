/** Does each signal work here? The only sure way to know is to try. */
import type { Catalog } from "../../metrics/catalog.js";
import type { Identity } from "../../identity/identity.js";
import type { Finding } from "../../host/finding.js";
import { chooseHierarchy } from "../../host/cgroup-hierarchy.js";
import { attachBest } from "../../engine/attach-best.js";
import type { Loaded } from "../../engine/load.js";
import { RunningSignal, type SignalMemory } from "../../engine/running.js";
import { describeError } from "../../log/error-text.js";
import { defaultHost } from "../../sdk/host.js";
import type { AnySignal, SignalHost, SignalLog } from "../../sdk/signal.js";

/** As `run` has them by default, and with what all labels take. */
function fullHost(): SignalHost {
  return { ...defaultHost, cgroups: { hierarchy: chooseHierarchy("auto"), inRecords: true } };
}

/** The finding tells what fails. */
const silent: SignalLog = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** What came of trying a signal. */
export interface Trial {
  readonly finding: Finding;
  /** What it takes at the limits that `run` has by default; absent when it does not work. */
  readonly memory?: SignalMemory;
}

/**
 * Loads a signal's programs, attaches each and walks its iterators, then takes everything out of the kernel again. `catalog` gets
 * its metrics.
 */
export function trySignal(signal: AnySignal, catalog: Catalog, identity: Identity): Trial {
  const check = `signal ${signal.name}`;
  let running: RunningSignal | undefined;
  try {
    running = attachBest(
      signal,
      { host: fullHost() },
      (loaded) => new RunningSignal(loaded, { catalog, identity, log: silent }),
    );
    return { finding: attachedBy(check, running.loaded), memory: running.memoryAtLimit() };
  } catch (error) {
    // One that does not run by default fails no start.
    return { finding: { check, status: signal.optIn === true ? "warn" : "fail", detail: describeError(error) } };
  } finally {
    running?.loaded.close();
  }
}

function attachedBy(check: string, { hook, attachable, refused, lost, handlers }: Loaded): Finding {
  const detail = [
    `${hook.name}: ${attachable.join(", ")}`,
    ...refused.slice(0, 1).map((better) => `refused: ${better.hook.name} (${describeError(better.error)})`),
    ...lost.map((loss) => `without ${loss.detail} (${describeError(loss.error)})`),
    ...(handlers.alone === undefined ? [] : [`no dispatch program (${handlers.alone})`]),
  ].join("; ");
  return { check, status: lost.length === 0 ? "ok" : "warn", detail };
}
