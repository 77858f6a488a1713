/** Log lines about counts that grow while something is lost: one when that begins, and one when it has ended. */
import type { Identity } from "../identity/identity.js";
import type { Catalog } from "../metrics/catalog.js";
import { dropReasons, type RunningSignal } from "./running.js";
import type { AgentLog } from "./start-signal.js";

/** What is lost in one way. */
export interface Loss {
  /** Distinguishes it from others. */
  readonly key: string;
  /** What the log says of it, such as the signal and the reason. */
  readonly fields: Readonly<Record<string, string>>;
  /** What happens, as `begins to …` has it. */
  readonly verb: string;
  /** How much was lost since the start. */
  readonly count: number;
}

/** A loss that goes on. */
interface Ongoing {
  readonly began: number;
  readonly before: number;
  /** When it was last seen to grow, and how much had been lost by then. */
  grewAt: number;
  count: number;
}

/** For so long nothing more has to be lost before a loss has ended, milliseconds: of each, two lines in that time at the most. */
const quietMs = 60_000;

/**
 * Follows losses: logs a warning when one begins, and how much it was once nothing more has been lost for a minute. A loss that goes on,
 * or that comes and goes within a minute, is logged once.
 */
export class LossLog {
  readonly #log: AgentLog;
  readonly #now: () => number;
  /** How much had been lost when a loss ended. */
  readonly #counts = new Map<string, number>();
  readonly #ongoing = new Map<string, Ongoing>();

  /** `now` is a clock in milliseconds. */
  constructor(log: AgentLog, now: () => number = () => performance.now()) {
    this.#log = log;
    this.#now = now;
  }

  /** Compares the counts of now with those of the last call. */
  check(losses: Iterable<Loss>): void {
    const now = this.#now();
    for (const loss of losses) {
      const ongoing = this.#ongoing.get(loss.key);
      if (ongoing === undefined) {
        this.#begin(loss, now);
      } else if (loss.count > ongoing.count) {
        ongoing.count = loss.count;
        ongoing.grewAt = now;
      } else if (now - ongoing.grewAt >= quietMs) {
        this.#end(loss, ongoing);
      }
    }
  }

  #begin({ key, fields, verb, count }: Loss, now: number): void {
    const before = this.#counts.get(key) ?? 0;
    if (count > before) {
      this.#ongoing.set(key, { began: now, before, grewAt: now, count });
      this.#log.warn({ ...fields, count: count - before }, `begins to ${verb}`);
    }
  }

  #end({ key, fields, verb, count }: Loss, { began, before, grewAt }: Ongoing): void {
    this.#ongoing.delete(key);
    this.#counts.set(key, count);
    const seconds = Math.round((grewAt - began) / 1000);
    this.#log.info({ ...fields, count: count - before, seconds }, `does not ${verb} any more`);
  }
}

/** What signals drop, what metrics fold, and which processes are not told apart. */
export function* lossesOf(
  catalog: Catalog,
  identity: Pick<Identity, "overflowed">,
  signals: readonly RunningSignal[],
): Generator<Loss> {
  for (const running of signals) {
    const signal = running.signal.name;
    const { dropped } = running.eventCounts();
    for (const reason of dropReasons) {
      yield { key: `${signal} ${reason}`, fields: { signal, reason }, verb: "drop events", count: dropped[reason] };
    }
  }
  const verb = "count series as ~other";
  let total = 0;
  for (const { name: metric, folded, budgetFolded, evicted } of catalog) {
    total += budgetFolded;
    const count = folded + evicted - budgetFolded;
    yield { key: metric, fields: { metric, reason: "series-limit" }, verb, count };
  }
  const ofProcesses = { reason: "identity-limit" };
  yield { key: "identity", fields: ofProcesses, verb: "count processes as ~other", count: identity.overflowed };
  yield { key: "budget", fields: { reason: "total-series-limit or body-limit" }, verb, count: total };
}
