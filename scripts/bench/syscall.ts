/** What a traced system call costs its caller, beside what others' tracers add to it. */
import { compileC } from "./lib/build.js";
import { figure, atMost, range } from "./lib/figures.js";
import { loadCpu, onCpu, run, runForNumbers } from "./lib/programs.js";
import type { BenchContext, FigureTable, Result, Scenario, Target } from "./lib/scenario.js";
import { median, spread } from "./lib/spread.js";
import {
  aggregate,
  allSignals,
  bpftraceCount,
  bpftraceHistograms,
  fileOnly,
  floor,
  nothing,
  stream,
  syscount,
  tcpOnly,
  type Tracer,
} from "./syscall/tracers.js";

/** Processes that make the calls, on one core. */
const sizes = [1, 8, 64] as const;

/** Bursts of all processes together. */
const bursts = 64;

/** Nanoseconds a call, round by round: of a tracer by its name, then of a size. */
type Costs = ReadonlyMap<string, ReadonlyMap<number, number[]>>;

/** In quick mode, and in full mode too. */
const few: readonly Tracer[] = [nothing, floor, aggregate, stream];
const more: readonly Tracer[] = [tcpOnly, fileOnly, allSignals, syscount, bpftraceCount, bpftraceHistograms];

/** Takes all tracers in turns. Returns what calls cost, and how many events ringtap lost meanwhile. */
async function measure(context: BenchContext, tracers: readonly Tracer[]): Promise<{ costs: Costs; lost: number }> {
  const loop = compileC(context, "scripts/bench/syscall/loop.c", "syscall-loop");
  const calls = context.quick ? 5_000 : 20_000;
  const costs: Costs = new Map(tracers.map(({ name }) => [name, new Map(sizes.map((size) => [size, []]))]));
  const rounds = context.quick ? 2 : 5;
  let lost = 0;
  for (let round = 1; round <= rounds; round++) {
    for (const tracer of tracers) {
      context.progress(`round ${round}, ${tracer.name}`);
      const tracing = await tracer.start(context);
      for (const size of sizes) {
        const command = [loop, size, bursts / size, calls].map(String);
        const [cost = NaN] = await runForNumbers(...onCpu(loadCpu, ...command));
        costs.get(tracer.name)?.get(size)?.push(cost);
      }
      lost += await tracing.stop();
    }
  }
  return { costs, lost };
}

/** What a tracer adds to a call, nanoseconds, round by round. */
function added(costs: Costs, tracer: Tracer, size: number): number[] {
  const base = costs.get(nothing.name)?.get(size) ?? [];
  return (costs.get(tracer.name)?.get(size) ?? []).map((cost, round) => cost - (base[round] ?? NaN));
}

/**
 * The median of the rounds' ratios of what two tracers add, 1 process. A round in which one of them seems to add nothing was
 * disturbed; it counts as infinite, so that no target is reached by it.
 */
function addedRatio(costs: Costs, tracer: Tracer, other: Tracer): number {
  const others = added(costs, other, 1);
  const ratios = added(costs, tracer, 1).map((cost, round) => {
    const base = others[round] ?? NaN;
    return cost > 0 && base > 0 ? cost / base : Infinity;
  });
  return median(ratios);
}

function describe(costs: Costs, tracers: readonly Tracer[]): FigureTable {
  const compared = [floor, syscount, bpftraceHistograms].filter((tracer) => tracers.includes(tracer));
  return {
    headings: [
      "traced by",
      "ns a call",
      ...sizes.map((size) => `added ns, ${size} ${size === 1 ? "process" : "processes"}`),
      ...compared.map(({ name }) => `× ${name.split(":")[0] ?? name}`),
    ],
    rows: tracers.map((tracer) => [
      tracer.name,
      figure(median(costs.get(tracer.name)?.get(1) ?? [])),
      ...sizes.map((size) => (tracer === nothing ? "0" : range(spread(added(costs, tracer, size))))),
      ...compared.map((other) => (tracer === nothing ? "0" : figure(addedRatio(costs, tracer, other)))),
    ]),
  };
}

function targets(costs: Costs, tracers: readonly Tracer[]): Target[] {
  const wanted: readonly [limit: number, tracer: Tracer, other: Tracer, what: string][] = [
    [1.6, aggregate, floor, "added to a system call, aggregate, against the floor"],
    [0.65, aggregate, syscount, "added to a system call, aggregate, against syscount -L -P"],
    [0.3, aggregate, bpftraceHistograms, "added to a system call, aggregate, against bpftrace's histogram"],
    [0.9, stream, syscount, "added to a system call, stream, against syscount -L -P"],
  ];
  return wanted
    .filter(([, , other]) => tracers.includes(other))
    .map(([limit, tracer, other, what]) => atMost(limit, addedRatio(costs, tracer, other), " ×", what));
}

async function versions(): Promise<string> {
  const packages = ["libbpf-tools", "bpftrace"];
  const query = ["dpkg-query", "--show", "--showformat", "${Package} ${Version}; ", ...packages];
  return `Peers: ${(await run(...query)).replace(/; $/, "")}.`;
}

async function runSyscall(context: BenchContext): Promise<Result> {
  const tracers = context.quick ? few : [...few, ...more];
  const { costs, lost } = await measure(context, tracers);
  return {
    tables: [describe(costs, tracers)],
    targets: targets(costs, tracers),
    notes: [
      ...(context.quick ? [] : [await versions()]),
      `Records that ringtap lost in all these runs: ${lost.toLocaleString("en")}.`,
    ],
  };
}

export const syscall: Scenario = {
  name: "syscall",
  title: "Added cost of a traced system call",
  method:
    "A loop of getppid(2) on a core of its own, in 1, 8 and 64 processes that share that core; the tracer's userspace is on another " +
    "core. A figure is the median of 64 bursts in nanoseconds of CPU time; the table gives the median over the rounds (least–most) " +
    "of what is added in the same round to a call that nobody traces, and ratios of what is added, 1 process. `--signals=syscall` runs " +
    "the process signal too, for the names of processes; it has no program on system calls.",
  packages: ["libbpf-tools", "bpftrace"],
  run: runSyscall,
};
