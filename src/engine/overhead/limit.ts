/** `--overhead.limit`: does what the guard decides, and says so. */
import type { Catalog } from "../../metrics/catalog.js";
import { Dimension } from "../../metrics/dimension.js";
import type { Engine } from "../engine.js";
import type { SignalStatus } from "../running.js";
import { runningOf } from "../signal-set.js";
import type { AgentLog } from "../start-signal.js";
import { type GuardTimes, OverheadGuard, reducedSteps, type Verdict } from "./guard.js";
import type { Overhead } from "./overhead.js";

/** What a limit needs of the agent. */
export interface LimitedAgent {
  readonly statuses: readonly SignalStatus[];
  readonly overhead: Overhead;
  readonly engine: Engine;
  readonly log: AgentLog;
}

function percent(share: number): string {
  return `${Number((100 * share).toPrecision(2))}%`;
}

export class OverheadLimit {
  readonly #guard: OverheadGuard;
  readonly #agent: LimitedAgent;
  #isMoving = false;

  /** `limit` is a share of a core. */
  constructor(limit: number, agent: LimitedAgent, times?: GuardTimes) {
    this.#guard = new OverheadGuard(limit, times);
    this.#agent = agent;
  }

  /** Called after each window. */
  check(): void {
    if (this.#isMoving) {
      return;
    }
    const { statuses, overhead } = this.#agent;
    const running = runningOf(statuses);
    const { user, system } = process.cpuUsage();
    const cost = { programs: overhead.seconds(), agent: (user + system) / 1e6 };
    const signals = running.map((each) => ({ name: each.signal.name, depths: each.depths, depth: each.depth }));
    const verdict = this.#guard.check(performance.now() / 1000, cost, signals);
    if (verdict !== undefined) {
      void this.#act(verdict);
    }
  }

  async #act({ shares, move }: Verdict): Promise<void> {
    const { statuses, engine, log } = this.#agent;
    const programs = [...shares.programs]
      .toSorted(([, a], [, b]) => b - a)
      .map(([name, share]) => `${name} ${percent(share)}`)
      .join(", ");
    const figures = {
      cost: percent(shares.total),
      limit: percent(this.#guard.limit),
      programs,
      agent: percent(shares.agent),
    };
    if (move === undefined) {
      log.warn(figures, "ringtap costs more than --overhead.limit, and no signal has a cheaper depth left");
      return;
    }
    const signal = runningOf(statuses).find((each) => each.signal.name === move.name);
    if (signal === undefined) {
      return;
    }
    this.#isMoving = true;
    await engine.goTo(signal, move.to);
    this.#isMoving = false;
    if (signal.depth !== move.to) {
      return;
    }
    const details = { of: move.name, from: move.from, to: move.to, ...figures };
    if (move.isCheaper) {
      log.warn(details, "ringtap costs more than --overhead.limit: a signal goes to a cheaper depth");
    } else {
      log.info(details, "ringtap costs less than half of --overhead.limit: a signal goes back to a deeper depth");
    }
  }

  /** Declares the depths of signals; the returned function brings them up to date. */
  declare(catalog: Catalog): () => void {
    const subject = new Dimension(["signal"]);
    const detail = new Dimension(["depth"]);
    const depths = catalog.gauge({
      name: "ringtap_overhead_depth",
      help: "1 for the depth that the signal is at, 0 for the others that --overhead.limit can take it to.",
      subject,
      detail,
      bounded: true,
    });
    const steps = catalog.gauge({
      name: "ringtap_overhead_steps",
      help: "By how many depths --overhead.limit has the signal below the one that its flags say.",
      subject,
      bounded: true,
    });
    catalog.gauge({
      name: "ringtap_overhead_limit_ratio",
      help: "What ringtap may cost, as a share of a core: --overhead.limit.",
      read: () => this.#guard.limit,
    });
    return () => {
      for (const { signal, depths: all, depth } of runningOf(this.#agent.statuses)) {
        const id = subject.intern(signal.name);
        for (const each of all) {
          depths.set(id, detail.intern(each), each === depth ? 1 : 0);
        }
        if (all.length > 0) {
          steps.set(id, 0, reducedSteps({ name: signal.name, depths: all, depth }));
        }
      }
    };
  }
}
