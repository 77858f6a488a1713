/** What a traced system call costs its caller, beside what others' tracers add to it. */
import { figure, atMost, range } from "./lib/figures.js";
import { run } from "./lib/programs.js";
import type { BenchContext, FigureTable, Result, Scenario, Target } from "./lib/scenario.js";
import { leastAdded, addedRatio as ratioOfAdded, type Spread } from "./lib/spread.js";
import { nothing, type Tracer } from "./lib/tracers.js";
import { otherTracersGone } from "./syscall/other-tracers.js";
import {
  allSignals,
  allTimed,
  bpftraceCount,
  bpftraceHistograms,
  clocks,
  fileOnly,
  floor,
  processOnly,
  sampled,
  stream,
  syscount,
  tcpAndFile,
  tcpOnly,
  timed,
  untimed,
} from "./syscall/tracers.js";
import { prepareWorkloads, type Workload } from "./syscall/workloads.js";

/** Nanoseconds a call, round by round: of a tracer, then of a workload. */
type Costs = ReadonlyMap<Tracer, ReadonlyMap<Workload, number[]>>;

/** In quick mode, and in full mode too. */
const few: readonly Tracer[] = [nothing, floor, clocks, sampled, timed, stream, tcpAndFile, allSignals, allTimed];
const more: readonly Tracer[] = [untimed, processOnly, tcpOnly, fileOnly, syscount, bpftraceCount, bpftraceHistograms];

interface Measured {
  readonly costs: Costs;
  /** Events that ringtap lost meanwhile. */
  readonly lost: number;
  /** Whether somebody else's programs were loaded, so that the figures contain them. */
  readonly disturbed: boolean;
}

/** Takes all tracers in turns. */
async function measure(
  context: BenchContext,
  tracers: readonly Tracer[],
  workloads: readonly Workload[],
): Promise<Measured> {
  const costs: Costs = new Map(tracers.map((tracer) => [tracer, new Map(workloads.map((workload) => [workload, []]))]));
  const rounds = context.quick ? 2 : 5;
  let lost = 0;
  let disturbed = false;
  for (let round = 1; round <= rounds; round++) {
    for (const [tracer, figures] of costs) {
      context.progress(`round ${round}, ${tracer.name}`);
      disturbed ||= !(await otherTracersGone(context.quick ? 2 : 60));
      const tracing = await tracer.start(context);
      for (const [workload, ofWorkload] of figures) {
        ofWorkload.push(await workload.run());
      }
      lost += await tracing.stop();
    }
  }
  return { costs, lost, disturbed };
}

/** What a tracer adds to a call, nanoseconds. */
function added(costs: Costs, tracer: Tracer, workload: Workload): Spread {
  return leastAdded(costs.get(tracer)?.get(workload) ?? [], costs.get(nothing)?.get(workload) ?? []);
}

function addedRatio(costs: Costs, tracer: Tracer, other: Tracer, workload: Workload): Spread {
  const of = (one: Tracer): readonly number[] => costs.get(one)?.get(workload) ?? [];
  return ratioOfAdded(of(tracer), of(other), of(nothing));
}

/** The table of some workloads; ratios are the first one's. */
function describe(costs: Costs, workloads: readonly Workload[], caption: string): FigureTable {
  const tracers = [...costs.keys()];
  const compared = [floor, syscount, bpftraceHistograms].filter((tracer) => tracers.includes(tracer));
  const [first] = workloads;
  if (first === undefined) {
    throw new RangeError("a table of no workloads");
  }
  return {
    caption,
    headings: [
      "traced by",
      "ns a call",
      ...workloads.map(({ name }) => `added ns, ${name}`),
      ...compared.map(({ name }) => `× ${name.split(":")[0] ?? name}`),
    ],
    rows: tracers.map((tracer) => [
      tracer.name,
      figure(Math.min(...(costs.get(tracer)?.get(first) ?? []))),
      ...workloads.map((workload) => (tracer === nothing ? "0" : range(added(costs, tracer, workload)))),
      ...compared.map((other) => (tracer === nothing ? "–" : figure(addedRatio(costs, tracer, other, first).value))),
    ]),
  };
}

function targets(costs: Costs, workload: Workload): Target[] {
  const wanted: readonly [limit: number, tracer: Tracer, other: Tracer, what: string][] = [
    [1.6, timed, floor, "added to a system call, timing all, against the floor"],
    [0.65, timed, syscount, "added to a system call, timing all, against syscount -L -P"],
    [0.3, timed, bpftraceHistograms, "added to a system call, timing all, against bpftrace's histogram"],
    [0.9, stream, syscount, "added to a system call, stream, against syscount -L -P"],
    [1.7, allSignals, floor, "added to a system call by all signals, the default, against the floor"],
    [2.9, allTimed, floor, "added to a system call by all signals, timing all, against the floor"],
  ];
  return [
    ...wanted
      .filter(([, , other]) => costs.has(other))
      .map(([limit, tracer, other, what]) => atMost(limit, addedRatio(costs, tracer, other, workload), " ×", what)),
    atMost(25, added(costs, tcpAndFile, workload), " ns", "added by tcp and file to a call that concerns neither"),
  ];
}

async function versions(): Promise<string> {
  const packages = ["libbpf-tools", "bpftrace"];
  const query = ["dpkg-query", "--show", "--showformat", "${Package} ${Version}; ", ...packages];
  return `Peers: ${(await run(...query)).replace(/; $/, "")}.`;
}

async function runSyscall(context: BenchContext): Promise<Result> {
  const { loops, blocking } = prepareWorkloads(context);
  const tracers = context.quick ? few : [...few, ...more];
  const { costs, lost, disturbed } = await measure(context, tracers, [...loops, ...blocking]);
  return {
    tables: [
      describe(costs, loops, "A loop of getppid(2); ratios for 1 process"),
      describe(costs, blocking, "A byte handed back and forth through pipes"),
    ],
    targets: loops.slice(0, 1).flatMap((workload) => targets(costs, workload)),
    notes: [
      ...(context.quick ? [] : [await versions()]),
      `Records that ringtap lost in all these runs: ${lost.toLocaleString("en")}.`,
      ...(disturbed ? ["Somebody else traced meanwhile: the figures contain it."] : []),
    ],
  };
}

export const syscall: Scenario = {
  name: "syscall",
  title: "Added cost of a traced system call",
  method:
    "Two loads on a core of their own; the tracer's userspace is on another core. The first is a loop of getppid(2), which does next to nothing, " +
    "in 1, 8 and 64 processes that share the core. In the second, two processes share the core and hand a byte back and forth through " +
    "pipes: write(2), then read(2), which blocks, so that each two calls come with a context switch. There ringtap does more: its program on sched_switch " +
    "puts a call under way aside; the floor has none. What two readings of the clock cost, and nothing else, is the " +
    "least for a duration of each call. A figure is what the fastest tenth of 64 bursts stays below, in nanoseconds of CPU time, of all calls alike. What is added compares " +
    "a tracer's fastest round with the fastest one without a tracer, since what else a machine does only slows; in brackets the least and the most that rounds gave. " +
    "`--signals=syscall` runs the process signal too, for the names of processes; it has no program on system calls.",
  packages: ["libbpf-tools", "bpftrace"],
  run: runSyscall,
};
