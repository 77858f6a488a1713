/** What the programs of the signal tcp are loaded with. */
import { cpus } from "node:os";

import { type FlagValues, log2Ceil, type Setup, type SignalHost } from "ringtap/signal";

import type { flags } from "./flags.js";

/** LISTENERS_MAX of bpf/tcp/strays.h. */
const mostListeners = 16_384;

/** The lines that are tried for a pair: COUNT_PROBES of bpf/tcp/counts.h. */
const fewestLines = 4;

/** CPUs, to a power of two, up to ENDED_CPUS_MAX of bpf/tcp/resets.h: read once, since they may go offline. */
const endedCpus = Math.min(2 ** log2Ceil(cpus().length), 64);

export function setup({ connectionsLimit, countsLimit }: FlagValues<typeof flags>, host: SignalHost): Setup {
  const { mode, watched, byPeer } = host;
  const sizes = { connections: connectionsLimit, listeners: Math.min(connectionsLimit, mostListeners) };
  const constants = { ended_cpus: endedCpus };
  const common = {
    ringSize: 2 * 2 ** 20,
    variables: { failures_wanted: watched === "none" ? 0 : 1, successes_wanted: watched === "all" ? 1 : 0 },
  };
  if (mode === "trace") {
    return { ...common, constants: { ...constants, counting: 0 }, sizes, without: ["counts", "lines"] };
  }
  const lines = 2 ** log2Ceil(Math.max(countsLimit, fewestLines));
  return {
    ...common,
    constants: { ...constants, by_peer: byPeer ? 1 : 0, count_lines: lines },
    sizes: { ...sizes, counts: lines, lines },
  };
}
