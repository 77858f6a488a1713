/** What the signals of the node cost each event that they count, beside what others' tracers add to it. */
import { figure, range } from "./lib/figures.js";
import { run } from "./lib/programs.js";
import type { BenchContext, FigureTable, Result, Scenario } from "./lib/scenario.js";
import { addedRatio, leastAdded } from "./lib/spread.js";
import { nothing, type Tracer } from "./lib/tracers.js";
import { block } from "./node/block.js";
import { drop, udp } from "./node/datagrams.js";
import type { Added, Part } from "./node/part.js";
import { kill } from "./node/kill.js";
import { memory } from "./node/memory.js";
import { sched } from "./node/sched.js";
import { otherTracersGone } from "./syscall/other-tracers.js";

const parts: readonly Part[] = [sched, drop, udp, kill, memory, block];

interface Measured {
  readonly table: FigureTable;
  readonly targets: Result["targets"];
  readonly lost: number;
  readonly disturbed: boolean;
}

/** Rounds, and turns of each tracer in one, which are so short that some are disturbed by nothing: the best counts. */
const rounds = 5;
const turns = 8;

/**
 * Takes the tracers of a part in turns. Those of this process come and go in milliseconds, and alternate; a peer is started once a round
 * and has its turns at a stretch.
 */
async function measure(context: BenchContext, part: Part): Promise<Measured> {
  const load = part.prepare(context);
  const { floor, traced, peers } = part;
  const own = [nothing, floor, traced];
  const tracers = context.quick ? own : [...own, ...peers];
  const costs = new Map<Tracer, number[]>(tracers.map((tracer) => [tracer, []]));
  let lost = 0;
  let disturbed = false;
  const take = async (tracer: Tracer, loads: number): Promise<number> => {
    const tracing = await tracer.start(context);
    let least = Infinity;
    for (let turn = 0; turn < loads; turn++) {
      least = Math.min(least, await load(tracer));
    }
    lost += await tracing.stop();
    return least;
  };
  for (let round = 1; round <= (context.quick ? 2 : rounds); round++) {
    context.progress(`${part.signal}, round ${round}`);
    disturbed ||= !(await otherTracersGone(context.quick ? 2 : 60));
    const least = new Map<Tracer, number>();
    for (let turn = 0; turn < turns; turn++) {
      for (const tracer of own) {
        least.set(tracer, Math.min(least.get(tracer) ?? Infinity, await take(tracer, 1)));
      }
    }
    for (const tracer of context.quick ? [] : peers) {
      least.set(tracer, await take(tracer, turns));
    }
    for (const [tracer, figures] of costs) {
      figures.push(least.get(tracer) ?? NaN);
    }
  }
  const of = (tracer: Tracer): readonly number[] => costs.get(tracer) ?? [];
  const added: Added = {
    by: (tracer) => leastAdded(of(tracer), of(nothing)),
    against: (tracer, other) => (of(other).length === 0 ? undefined : addedRatio(of(tracer), of(other), of(nothing))),
  };
  return {
    table: {
      caption: `${part.signal}: a ${part.event}`,
      headings: ["traced by", `ns a ${part.event}`, "added ns", `× ${traced.name}`],
      rows: tracers.map((tracer) => [
        tracer.name,
        figure(Math.min(...of(tracer))),
        tracer === nothing ? "0" : range(added.by(tracer)),
        tracer === nothing ? "–" : figure(added.against(tracer, traced)?.value ?? NaN),
      ]),
    },
    targets: part.targets(added),
    lost,
    disturbed,
  };
}

async function version(): Promise<string> {
  return `Peers: ${await run("dpkg-query", "--show", "--showformat", "${Package} ${Version}", "libbpf-tools")}.`;
}

async function runNode(context: BenchContext): Promise<Result> {
  const measured: Measured[] = [];
  for (const part of parts) {
    measured.push(await measure(context, part));
  }
  const lost = measured.reduce((total, each) => total + each.lost, 0);
  return {
    tables: measured.map(({ table }) => table),
    targets: measured.flatMap(({ targets }) => targets),
    notes: [
      ...(context.quick ? [] : [await version()]),
      `Events that ringtap lost in all these runs: ${lost.toLocaleString("en")}.`,
      ...(measured.some(({ disturbed }) => disturbed)
        ? ["Somebody else traced meanwhile: the figures contain it."]
        : []),
    ],
  };
}

export const node: Scenario = {
  name: "node",
  title: "Added cost of what the kernel does",
  method:
    "Each signal has a load that makes its events on a core of their own. Its programs are those that the agent loads, attached by the benchmark itself, so that they come and go in milliseconds: " +
    "nothing, an empty program on the same tracepoints, and the signal take turns, eight in a round, each of a tenth of a second or less. A peer runs as it does for its users, and has eight turns at a stretch. " +
    "For `sched` two processes share the core and hand a byte back and forth through pipes, so that every second call comes with a context switch; for `udp` one process " +
    "sends datagrams of a byte to itself and reads them; for `drop` nobody reads them, and the queue is full; for `kill` it sends itself a signal that it ignores; for `memory` " +
    "it writes a file of 64 pages and cuts it off again (waits for memory, the signal's other events, last far longer than it takes to count them). A figure is what the fastest tenth of " +
    "16 or 32 bursts stays below, in nanoseconds of CPU time. A request to a disk is the business of several threads, and takes far longer than what is added: for `block` " +
    "a figure is the time that all programs on its tracepoints take of a read of 4 KiB from a loop device, by the kernel's own statistics " +
    "(`kernel.bpf_stats_enabled`). Those have a reading of the clock in them for each run of a program: what a run of an empty program takes by them is subtracted for each run, the peer's too. " +
    "What is added compares a tracer's best turn with the best one in which nobody traces, since what else a machine does only slows; in brackets the least and the most that rounds gave, by the best turns of each; " +
    "then how much that is of what ringtap adds.",
  packages: ["libbpf-tools"],
  run: runNode,
};
