/** What the programs of the signal tcp are loaded with. */
import { cpus } from "node:os";

import { type FlagValues, log2Ceil, type Setup, type SignalHost } from "ringtap/signal";

import type { flags } from "./flags.js";

type Values = FlagValues<typeof flags>;

/** LISTENERS_MAX of bpf/tcp/strays.h. */
const mostListeners = 16_384;

/** PREALLOCATED_MAX of bpf/tcp/connection.h. */
const preallocated = 8_192;

/** Do the first connections have a map of their own? With a low limit, one that grows has them all. */
export function hasPreallocated({ connectionsLimit }: Pick<Values, "connectionsLimit">): boolean {
  return connectionsLimit >= 2 * preallocated;
}

/** The lines that are tried for a pair: COUNT_PROBES of bpf/tcp/counts.h. */
const fewestLines = 4;

/** CPUs, to a power of two, up to ENDED_CPUS_MAX of bpf/tcp/resets.h: read once, since they may go offline. */
const endedCpus = Math.min(2 ** log2Ceil(cpus().length), 64);

export function setup({ connectionsLimit, countsLimit }: Values, host: SignalHost): Setup {
  const { mode, watched, byPeer } = host;
  const isSplit = hasPreallocated({ connectionsLimit });
  const sizes = {
    connections: isSplit ? connectionsLimit - preallocated : connectionsLimit,
    listeners: Math.min(connectionsLimit, mostListeners),
  };
  const constants = { ended_cpus: endedCpus, has_preallocated: isSplit ? 1 : 0 };
  const without = isSplit ? [] : ["preallocated"];
  const common = {
    ringSize: 2 * 2 ** 20,
    variables: { failures_wanted: watched === "none" ? 0 : 1, successes_wanted: watched === "all" ? 1 : 0 },
  };
  if (mode === "trace") {
    return { ...common, constants: { ...constants, counting: 0 }, sizes, without: [...without, "counts", "lines"] };
  }
  const lines = 2 ** log2Ceil(Math.max(countsLimit, fewestLines));
  return {
    ...common,
    constants: { ...constants, by_peer: byPeer ? 1 : 0, count_lines: lines },
    sizes: { ...sizes, counts: lines, lines },
    without,
  };
}
