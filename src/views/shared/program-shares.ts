/** What the programs of signals took between two looks at the agent's health. */
import type { Health } from "../protocol.js";
import { perSecond } from "./rates.js";

/** The time that the programs of each signal ran, as a share of one core; without those that have not been timed at both ends. */
export function programShares(
  before: Pick<Health, "signals"> | undefined,
  after: Pick<Health, "signals">,
  seconds: number,
): Map<string, number> {
  const earlier = new Map(before?.signals.map(({ name, programSeconds }) => [name, programSeconds]));
  return new Map(
    after.signals.flatMap(({ name, programSeconds }) => {
      const from = earlier.get(name);
      return programSeconds === undefined || from === undefined
        ? []
        : [[name, perSecond(programSeconds, from, seconds)]];
    }),
  );
}
