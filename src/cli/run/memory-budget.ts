/** How much memory the agent and its kernel maps take at the most. */
import type { Identity } from "../../identity/identity.js";
import type { Peers } from "../../kubernetes/peers/peers.js";
import type { Catalog } from "../../metrics/catalog.js";
import type { SignalMemory } from "../../engine/running.js";

/**
 * What is not in any table: garbage between two collections, pages on their way to scrapers, what the allocator keeps. Bytes; the
 * soak (`npm run test:soak`) holds the agent to it.
 */
const roomToWork = 128 * 2 ** 20;

/** Bytes, by what takes them. */
export interface MemoryBudget {
  /** BPF maps and rings: not in the agent's resident memory, but charged to its control group. */
  readonly kernelMaps: number;
  /** The agent as it starts, with everything loaded. */
  readonly start: number;
  /** Series at `--series-limit`. */
  readonly series: number;
  /** Labels of series that are kept while no process uses them. */
  readonly labelSets: number;
  /** Processes and their labels at `--identity-limit`. */
  readonly processes: number;
  /** What the signals store about their kernel maps. */
  readonly signals: number;
  /** The addresses of the cluster by which peers are known; 0 unless `--peer.labels` asks for them. */
  readonly peers: number;
  readonly workingRoom: number;
}

/** The budget as it follows from limits, loaded objects and the process as it is now. */
export function memoryBudget(
  catalog: Catalog,
  identity: Identity,
  signals: readonly SignalMemory[],
  peers?: Peers,
): MemoryBudget {
  return {
    kernelMaps: signals.reduce((bytes, { maps }) => bytes + maps, 0),
    start: process.memoryUsage.rss(),
    series: catalog.memoryAtLimit,
    labelSets: catalog.keptMemoryAtLimit,
    processes: identity.memoryAtLimit,
    signals: signals.reduce((bytes, { tables }) => bytes + tables, 0),
    peers: peers?.memoryAtLimit ?? 0,
    workingRoom: roomToWork,
  };
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)}MiB`;
}

/** The budget for people, in texts such as `84MiB`: the kernel's, the agent's, and what the latter consists of. */
export function budgetTexts(budget: MemoryBudget) {
  const { kernelMaps, start, series, labelSets, processes, signals, peers, workingRoom } = budget;
  return {
    kernel: mebibytes(kernelMaps),
    agent: mebibytes(start + series + labelSets + processes + signals + peers + workingRoom),
    start: mebibytes(start),
    series: mebibytes(series),
    label_sets: mebibytes(labelSets),
    processes: mebibytes(processes),
    signals: mebibytes(signals),
    peers: mebibytes(peers),
    working_room: mebibytes(workingRoom),
  };
}
