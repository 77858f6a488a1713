/** Programs that make system calls and say what one costs. */
import { compileC } from "../lib/build.js";
import { loadCpu, onCpu, runForNumbers } from "../lib/programs.js";
import type { BenchContext } from "../lib/scenario.js";

/** What is traced, on a core of its own. */
export interface Workload {
  readonly name: string;
  /** Nanoseconds of CPU time a call. */
  run(): Promise<number>;
}

/** Processes that make the calls of the loop. */
const sizes = [1, 8, 64] as const;

/** Bursts of all processes together; the figure is what the fastest tenth of them stays below. */
const bursts = 64;

/** Workloads that each have a table of their own. */
export interface Workloads {
  /** A loop of getppid(2), by the number of processes that make it. */
  readonly loops: readonly Workload[];
  /** Two processes that wait for each other. */
  readonly blocking: readonly Workload[];
}

/** Compiles the programs. */
export function prepareWorkloads(context: BenchContext): Workloads {
  const loop = compileC(context, "scripts/bench/syscall/loop.c", "syscall-loop");
  const pipes = compileC(context, "scripts/bench/syscall/pipes.c", "syscall-pipes");
  const calls = context.quick ? 5_000 : 20_000;
  const workload = (name: string, program: string, ...args: readonly number[]): Workload => ({
    name,
    async run() {
      const [cost = NaN] = await runForNumbers(...onCpu(loadCpu, program, ...args.map(String)));
      return cost;
    },
  });
  return {
    loops: sizes.map((size) =>
      workload(size === 1 ? "1 process" : `${size} processes`, loop, size, bursts / size, calls),
    ),
    // Such a call takes ten times as long.
    blocking: [workload("2 processes", pipes, bursts, calls / 4)],
  };
}
