/** One signal of the scenario `node`, and what it is compared with. */
import type { BenchContext, Target } from "../lib/scenario.js";
import type { Spread } from "../lib/spread.js";
import type { Tracer } from "../lib/tracers.js";

/** What tracers add to each event. */
export interface Added {
  /** Nanoseconds. */
  by(tracer: Tracer): Spread;
  /** As a share of what another one adds; undefined where that was not measured. */
  against(tracer: Tracer, other: Tracer): Spread | undefined;
}

/** A signal, its peers, and the load that makes its events. */
export interface Part {
  readonly signal: string;
  /** What one of its events is, such as "context switch". */
  readonly event: string;
  /** What any tracer takes; measured before all others. */
  readonly floor: Tracer;
  /** The signal. */
  readonly traced: Tracer;
  /** They need not be there in quick mode. */
  readonly peers: readonly Tracer[];
  /** Compiles the load. Returns what runs it once while something traces: nanoseconds of an event. */
  prepare(context: BenchContext): (tracer: Tracer) => Promise<number>;
  /** What was to be reached. */
  targets(added: Added): readonly Target[];
}
