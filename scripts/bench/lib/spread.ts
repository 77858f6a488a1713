/** Measuring in turns: a machine's speed drifts, so contenders are compared round by round. */

/** What several rounds of one contender gave. */
export interface Spread {
  /** What counts: the median of the rounds, or what {@link bestRatio} and {@link leastAdded} say. */
  readonly value: number;
  readonly least: number;
  readonly most: number;
}

/** One of those compared. `measure` gives one figure; the same unit for all. */
export interface Contender {
  readonly name: string;
  measure(): number | Promise<number>;
}

/** The middle of some figures; the mean of the two in the middle when their number is even. Throws for none. */
export function median(figures: readonly number[]): number {
  const sorted = [...figures].sort((left, right) => left - right);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  if (low === undefined || high === undefined) {
    throw new RangeError("median of no figures");
  }
  return (low + high) / 2;
}

/** Median, least and most. Throws for no figures. */
export function spread(figures: readonly number[]): Spread {
  return { value: median(figures), least: Math.min(...figures), most: Math.max(...figures) };
}

/** Measures every contender once a round; what they gave, by name and in the order of the rounds. */
export async function interleave(
  rounds: number,
  contenders: readonly Contender[],
): Promise<ReadonlyMap<string, readonly number[]>> {
  const figures = new Map<string, number[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const contender of contenders) {
      figures.get(contender.name)?.push(await contender.measure());
    }
  }
  return figures;
}

/** The ratios of two contenders, round by round: what drifts from round to round cancels out. */
export function ratios(figures: readonly number[], peer: readonly number[]): number[] {
  return figures.map((figure, round) => figure / (peer[round] ?? NaN));
}

/** The median of the {@link ratios}. */
export function ratio(figures: readonly number[], peer: readonly number[]): number {
  return median(ratios(figures, peer));
}

/**
 * Of two contenders' rates, the most that each reached in any round, one as a share of the other. Whatever else runs on a machine only slows,
 * so these are the rounds that it disturbed least. The spread is that of the {@link ratios}.
 */
export function bestRatio(rates: readonly number[], peer: readonly number[]): Spread {
  return { ...spread(ratios(rates, peer)), value: Math.max(...rates) / Math.max(...peer) };
}

/** Of two contenders' costs, the least that each had in any round, their difference; see {@link bestRatio}. The spread is the rounds'. */
export function leastAdded(costs: readonly number[], peer: readonly number[]): Spread {
  const rounds = costs.map((cost, round) => cost - (peer[round] ?? NaN));
  return { ...spread(rounds), value: Math.min(...costs) - Math.min(...peer) };
}

/**
 * The ratio of what two contenders add to what `base` costs by itself: of the least that each adds ({@link leastAdded}). A round in which
 * one of them seems to add nothing was disturbed; it counts as infinite, so that no target is reached by it.
 */
export function addedRatio(costs: readonly number[], peer: readonly number[], base: readonly number[]): Spread {
  const rounds = (of: readonly number[]): number[] => of.map((cost, round) => Math.max(0, cost - (base[round] ?? NaN)));
  const value = leastAdded(costs, base).value / leastAdded(peer, base).value;
  return { ...spread(ratios(rounds(costs), rounds(peer)).map((ratio) => (ratio > 0 ? ratio : Infinity))), value };
}

/** The sum of some figures. */
export function sum(figures: readonly number[]): number {
  return figures.reduce((one, other) => one + other, 0);
}
