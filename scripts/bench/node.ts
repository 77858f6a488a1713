/** What the signals of the node cost each event that they count, beside what others' tracers add to it. */
import { figure, range } from "./lib/figures.js";
import { run } from "./lib/programs.js";
import type { BenchContext, FigureTable, Result, Scenario } from "./lib/scenario.js";
import { addedRatio, leastAdded } from "./lib/spread.js";
import { nothing, type Tracer } from "./lib/tracers.js";
import { block } from "./node/block.js";
import { drop, udp } from "./node/datagrams.js";
import type { Added, Part } from "./node/part.js";
import { sched } from "./node/sched.js";
import { otherTracersGone } from "./syscall/other-tracers.js";

const parts: readonly Part[] = [sched, drop, udp, block];

interface Measured {
  readonly table: FigureTable;
  readonly targets: Result["targets"];
  readonly lost: number;
  readonly disturbed: boolean;
}

/** Takes the tracers of a part in turns. */
async function measure(context: BenchContext, part: Part): Promise<Measured> {
  const load = part.prepare(context);
  const { floor, traced, peers } = part;
  const tracers = [nothing, ...(floor === undefined ? [] : [floor]), traced, ...(context.quick ? [] : peers)];
  const costs = new Map<Tracer, number[]>(tracers.map((tracer) => [tracer, []]));
  const rounds = context.quick ? 3 : 5;
  let lost = 0;
  let disturbed = false;
  for (let round = 1; round <= rounds; round++) {
    for (const [tracer, figures] of costs) {
      context.progress(`${part.signal}, round ${round}, ${tracer.name}`);
      disturbed ||= !(await otherTracersGone(context.quick ? 2 : 60));
      const tracing = await tracer.start(context);
      figures.push(await load(tracer));
      lost += await tracing.stop();
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
    "Each signal has a load that makes its events on a core of their own; the tracer's userspace is on another core. For `sched` two processes " +
    "share the core and hand a byte back and forth through pipes, so that every second call comes with a context switch; for `udp` one process " +
    "sends datagrams of a byte to itself and reads them; for `drop` nobody reads them, and the queue is full. A figure is what the fastest tenth of " +
    "64 or 128 bursts stays below, in nanoseconds of CPU time. A request to a disk is the business of several threads, and takes far longer than what is added: for `block` " +
    "a figure is the time that all programs on its tracepoints take of a read of 4 KiB from a loop device, by the kernel's own statistics " +
    "(`kernel.bpf_stats_enabled`). Those have a reading of the clock in them for each run of a program: what a run of an empty program takes by them, in the same round, is subtracted for each. " +
    "What is added compares a tracer's fastest round with the fastest one in which nobody traces, since what else a machine does only slows; in brackets the least and the most that rounds gave; then how much that is of what ringtap adds. " +
    "A signal runs the process signal, too, for the names of processes.",
  packages: ["libbpf-tools"],
  run: runNode,
};
