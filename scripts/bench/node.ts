/** What the signals of the node cost each event that they count, beside what others' tracers add to it. */
import { figure, range } from "./lib/figures.js";
import { run } from "./lib/programs.js";
import type { BenchContext, FigureTable, Result, Scenario } from "./lib/scenario.js";
import { median, ratios, spread } from "./lib/spread.js";
import { nothing, type Tracer } from "./lib/tracers.js";
import { block } from "./node/block.js";
import { drop, udp } from "./node/datagrams.js";
import type { Part } from "./node/part.js";
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
  const tracers = [nothing, ...part.tracers, ...(context.quick ? [] : part.peers)];
  const costs = new Map<Tracer, number[]>(tracers.map((tracer) => [tracer, []]));
  const rounds = context.quick ? 3 : 5;
  let lost = 0;
  let disturbed = false;
  for (let round = 1; round <= rounds; round++) {
    for (const [tracer, figures] of costs) {
      context.progress(`${part.signal}, round ${round}, ${tracer.name}`);
      disturbed ||= !(await otherTracersGone(context.quick ? 2 : 60));
      const tracing = await tracer.start(context);
      figures.push(await load());
      lost += await tracing.stop();
    }
  }
  const base = costs.get(nothing) ?? [];
  const added = (tracer: Tracer): number[] =>
    (costs.get(tracer) ?? []).map((cost, round) => cost - (base[round] ?? NaN));
  const [own] = part.tracers;
  return {
    table: {
      caption: `${part.signal}: a ${part.event}`,
      headings: ["traced by", `ns a ${part.event}`, "added ns", `× ${own?.name ?? ""}`],
      rows: tracers.map((tracer) => [
        tracer.name,
        figure(median(costs.get(tracer) ?? [])),
        tracer === nothing ? "0" : range(spread(added(tracer))),
        tracer === nothing || own === undefined ? "–" : figure(median(ratios(added(tracer), added(own)))),
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
    "sends datagrams of a byte to itself and reads them; for `drop` nobody reads them, and the queue is full. A figure is the median of " +
    "64 bursts in nanoseconds of CPU time. A request to a disk is the business of several threads, and takes far longer than what is added: for `block` " +
    "a figure is the time that all programs on its tracepoints take of a read of 4 KiB from a loop device, by the kernel's own statistics " +
    "(`kernel.bpf_stats_enabled`), which have a reading of the clock in them for each program. The tables give the median over the rounds (least–most) of what is added in the same round to an event " +
    "that nobody traces, and how much that is of what ringtap adds. A signal runs the process signal, too, for the names of processes.",
  packages: ["libbpf-tools"],
  run: runNode,
};
