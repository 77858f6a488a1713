/** One signal of the scenario `node`, and what it is compared with. */
import type { BenchContext, Target } from "../lib/scenario.js";
import type { Tracer } from "../lib/tracers.js";

/** What is added by a tracer to each event, nanoseconds, round by round. */
export type Added = (tracer: Tracer) => readonly number[];

/** A signal, its peers, and the load that makes its events. */
export interface Part {
  readonly signal: string;
  /** What one of its events is, such as "context switch". */
  readonly event: string;
  /** The signal first; peers need not be there in quick mode. */
  readonly tracers: readonly Tracer[];
  readonly peers: readonly Tracer[];
  /** Compiles the load. Returns what runs it once: nanoseconds of an event. */
  prepare(context: BenchContext): () => Promise<number>;
  /** What was to be reached; peers that were not measured have no figures. */
  targets(added: Added): readonly Target[];
}
