/**
 * Keeps what ringtap costs below a limit: takes the signal that costs most to its next depth, which counts as much and tells less, and
 * back when the cost has been low for long.
 */

/** A signal as the guard sees it. */
export interface LimitedSignal {
  readonly name: string;
  /** The deepest first; fewer than two where it stays as it is. */
  readonly depths: readonly string[];
  readonly depth: string | undefined;
}

/** Seconds that ringtap has taken so far: the programs of signals, and the agent. */
export interface Cost {
  readonly programs: ReadonlyMap<string, number>;
  readonly agent: number;
}

/** The same as shares of a core, in a span of time. */
export interface Shares {
  readonly total: number;
  readonly programs: ReadonlyMap<string, number>;
  readonly agent: number;
}

/** What is to be done. */
export interface Verdict {
  readonly shares: Shares;
  /** Undefined where the limit is exceeded and no signal has another depth left. */
  readonly move:
    { readonly name: string; readonly from: string; readonly to: string; readonly isCheaper: boolean } | undefined;
}

/** All in seconds. */
export interface GuardTimes {
  /** The cost is judged by its mean over so long. */
  readonly span: number;
  /** For so long it has to be below half of the limit until a signal goes back; each time that this was too early doubles it. */
  readonly hold: number;
  readonly longestHold: number;
}

const defaultGuardTimes: GuardTimes = { span: 15, hold: 300, longestHold: 3600 };

/** A cost below this part of the limit is low. */
const lowPart = 0.5;

/** The place of a signal's depth among its depths. */
function stepOf({ depths, depth }: LimitedSignal): number {
  return depth === undefined ? 0 : Math.max(0, depths.indexOf(depth));
}

/** By how many depths a signal is below the one that its flags say. */
export const reducedSteps = stepOf;

/** Decides; it is told the time and the cost, and changes nothing itself. */
export class OverheadGuard {
  /** Share of a core. */
  readonly limit: number;
  readonly #times: GuardTimes;
  /** Where the span began that is being judged. */
  #began: { readonly at: number; readonly cost: Cost } | undefined;
  #isFirst = true;
  /** Since when the cost has been low. */
  #lowSince: number | undefined;
  #wentBackAt = -Infinity;
  #hold: number;
  /** Has it been said that nothing is left to be done? */
  #hasGivenUp = false;

  constructor(limit: number, times: GuardTimes = defaultGuardTimes) {
    this.limit = limit;
    this.#times = times;
    this.#hold = times.hold;
  }

  /**
   * Judges the cost once a span has passed; undefined when there is nothing to do or to say. `now` is a time in seconds. The first span,
   * that of the agent's own start, is not judged.
   */
  check(now: number, cost: Cost, signals: readonly LimitedSignal[]): Verdict | undefined {
    const began = this.#began;
    if (began !== undefined && now - began.at < this.#times.span) {
      return undefined;
    }
    this.#began = { at: now, cost };
    if (began === undefined || this.#isFirst) {
      this.#isFirst = began === undefined;
      return undefined;
    }
    const shares = sharesOf(began.cost, cost, now - began.at);
    return shares.total > this.limit ? this.#reduce(now, shares, signals) : this.#recover(now, shares, signals);
  }

  #reduce(now: number, shares: Shares, signals: readonly LimitedSignal[]): Verdict | undefined {
    this.#lowSince = undefined;
    if (now - this.#wentBackAt < this.#hold) {
      this.#wentBackAt = -Infinity;
      this.#hold = Math.min(2 * this.#hold, this.#times.longestHold);
    }
    const costOf = ({ name }: LimitedSignal): number => shares.programs.get(name) ?? 0;
    const [signal] = signals
      .filter((each) => stepOf(each) + 1 < each.depths.length)
      .toSorted((a, b) => costOf(b) - costOf(a));
    if (signal !== undefined) {
      return verdict(shares, signal, 1);
    }
    const isKnown = this.#hasGivenUp;
    this.#hasGivenUp = true;
    return isKnown ? undefined : { shares, move: undefined };
  }

  #recover(now: number, shares: Shares, signals: readonly LimitedSignal[]): Verdict | undefined {
    this.#hasGivenUp = false;
    if (now - this.#wentBackAt >= this.#hold && this.#wentBackAt > -Infinity) {
      this.#hold = this.#times.hold;
      this.#wentBackAt = -Infinity;
    }
    if (shares.total >= lowPart * this.limit) {
      this.#lowSince = undefined;
      return undefined;
    }
    this.#lowSince ??= now - this.#times.span;
    const [signal] = signals.filter((each) => stepOf(each) > 0).toSorted((a, b) => stepOf(b) - stepOf(a));
    if (signal === undefined || now - this.#lowSince < this.#hold) {
      return undefined;
    }
    this.#lowSince = undefined;
    this.#wentBackAt = now;
    return verdict(shares, signal, -1);
  }
}

function verdict(shares: Shares, signal: LimitedSignal, by: 1 | -1): Verdict {
  const step = stepOf(signal);
  const [from, to] = [signal.depths[step] ?? "", signal.depths[step + by] ?? ""];
  return { shares, move: { name: signal.name, from, to, isCheaper: by > 0 } };
}

function sharesOf(before: Cost, after: Cost, seconds: number): Shares {
  const programs = new Map(
    [...after.programs].map(([name, taken]) => [name, (taken - (before.programs.get(name) ?? 0)) / seconds]),
  );
  const agent = (after.agent - before.agent) / seconds;
  const total = [...programs.values()].reduce((sum, share) => sum + share, agent);
  return { total, programs, agent };
}
