/** What ringtap has counted of programs, compared with what it has to have counted. */
import type { Agent } from "../kernel/support/agent.js";
import { type Samples, sum } from "../kernel/support/samples.js";
import { countedByRun, type Difference, differences, samplesOf } from "./counted.js";
import { expect, expectLive } from "./expect.js";
import type { LiveLog, Program, RunLog } from "./run.js";

/** Programs that run at once. */
const lanes = 2;

/** The agent has lost, summed up or not read in time what there was, which it says: nothing can be said of these programs. */
export class Inconclusive extends Error {}

/** What the agent itself says that it has not counted by process. */
function lossesIn(samples: Samples): number {
  return (
    sum(samples, "ringtap_events_dropped_total", {}) +
    sum(samples, "ringtap_identities_folded_total", {}) +
    sum(samples, "ringtap_series_folded_total", {}) +
    sum(samples, "ringtap_signal_errors_total", {}) +
    sum(samples, "ringtap_syscalls_total", { comm: "~other" })
  );
}

/** An agent and a program whose counts are compared. */
export class Comparison {
  readonly #agent: Agent;
  readonly #program: Program;
  readonly #groups: string;
  #lost = 0;
  runs = 0;
  operations = 0;

  constructor(agent: Agent, program: Program, groups: string) {
    this.#agent = agent;
    this.#program = program;
    this.#groups = groups;
  }

  /** Runs programs; returns what differed of each. Throws when one fails, {@link Inconclusive} when the agent has lost events. */
  async compare(programs: readonly (readonly string[])[]): Promise<Difference[][]> {
    const logs: RunLog[] = [];
    let next = 0;
    const lane = async (): Promise<void> => {
      for (let index = next++; index < programs.length; index = next++) {
        const lines = programs[index] ?? [];
        logs[index] = await this.#program.run(lines, () => this.#agent.scrape());
        this.runs++;
        this.operations += lines.length;
      }
    };
    await Promise.all(Array.from({ length: lanes }, lane));
    const samples = await this.#agent.scrape();
    const lost = lossesIn(samples);
    if (lost !== this.#lost) {
      const more = lost - this.#lost;
      this.#lost = lost;
      throw new Inconclusive(`${more} events were lost, counted as ~other, or not read in time`);
    }
    const counted = countedByRun(samples, this.#groups);
    return logs.map((log) => {
      const own = counted.get(log.prefix) ?? new Map<string, number>();
      const atEnd = differences(expect(log, own), own);
      return [
        ...log.lives.flatMap((live) => this.#differencesOf(live)),
        ...atEnd.map((each) => ({ ...each, samples: samplesOf(each, samples) })),
      ];
    });
  }

  /** What differs at a scrape while a program runs; namespaces are compared at its end. */
  #differencesOf(live: LiveLog): Difference[] {
    const counted = countedByRun(live.samples, this.#groups).get(live.prefix) ?? new Map<string, number>();
    return differences(expectLive(live), counted)
      .filter(({ what }) => !what.startsWith("namespace "))
      .map((each) => ({ ...each, what: `${each.what}, at a scrape`, samples: samplesOf(each, live.samples) }));
  }

  /** The differences of the first of some runs of these operations that has any; none when all agree. */
  async findIn(lines: readonly string[], times: number): Promise<Difference[]> {
    const found = await this.compare(Array.from({ length: times }, () => lines));
    return found.find((each) => each.length > 0) ?? [];
  }
}
