/** What tracing a system call is made of, part by part: why the aggregate path costs what it costs. */
import { native } from "../../src/binding/native.js";
import { compileBpf, compileC } from "./lib/build.js";
import { range } from "./lib/figures.js";
import { loadCpu, onCpu, runForNumbers } from "./lib/programs.js";
import type { BenchContext, FigureTable, Result, Scenario } from "./lib/scenario.js";
import { type Contender, interleave, leastAdded } from "./lib/spread.js";

/** Programs of parts/parts.bpf.c that are attached together, and the constants they are loaded with. */
interface Combination {
  readonly name: string;
  readonly programs: readonly string[];
  readonly constants?: Readonly<Record<string, number>>;
}

const both = ["parts_enter", "parts_exit"];
const clock = { read_clock: 1 };
const inStorage = { ...clock, place: 2 };
const inSlot = { ...clock, place: 3 };

const nothing: Combination = { name: "nothing attached", programs: [] };

const calls: readonly Combination[] = [
  { name: "empty programs on enter and exit: the floor", programs: both },
  { name: "+ the clock at both ends", programs: both, constants: clock },
  { name: "+ start time in a hash by task", programs: both, constants: { ...clock, place: 1 } },
  { name: "or in task storage", programs: both, constants: inStorage },
  { name: "or in a slot of the CPU (as ringtap has it)", programs: both, constants: inSlot },
  { name: "slot + counts in a hash", programs: both, constants: { ...inSlot, counts: 2 } },
  { name: "or the same with atomic adds", programs: both, constants: { ...inSlot, counts: 3 } },
  { name: "or in a preallocated hash", programs: both, constants: { ...inSlot, counts: 4 } },
  { name: "or in a preallocated per-CPU hash", programs: both, constants: { ...inSlot, counts: 5 } },
  {
    name: "or in lines of an array, atomic adds (as ringtap has it)",
    programs: both,
    constants: { ...inSlot, counts: 6 },
  },
  { name: "task storage + counts in the same", programs: both, constants: { ...inStorage, counts: 1 } },
];

const lookers: readonly Combination[] = [
  { name: "one tp_btf program on sys_exit that looks for connect", programs: ["looker_1"] },
  { name: "two of them", programs: ["looker_1", "looker_2"] },
  { name: "three of them", programs: ["looker_1", "looker_2", "looker_3"] },
  { name: "one classic tracepoint, sys_exit_connect", programs: ["classic_1"] },
  { name: "two of them", programs: ["classic_1", "classic_2"] },
  { name: "one tp_btf program and two classic tracepoints", programs: ["looker_1", "classic_1", "classic_2"] },
];

/** Bursts of so many calls; the figure is what the fastest tenth of them stays below. */
const bursts = 32;

function contender(object: string, loop: string, callsPerBurst: number, combination: Combination): Contender {
  const { name, programs, constants = {} } = combination;
  return {
    name: `${name} ${programs.join()}`,
    async measure() {
      const opened = native.open(object);
      try {
        for (const program of opened.programs) {
          opened.setAutoload(program.name, programs.includes(program.name));
        }
        for (const [constant, value] of Object.entries(constants)) {
          opened.setConstant(constant, value);
        }
        opened.load();
        for (const program of programs) {
          opened.attach(program);
        }
        const command = [loop, "1", bursts.toString(), callsPerBurst.toString()];
        const [cost = NaN] = await runForNumbers(...onCpu(loadCpu, ...command));
        return cost;
      } finally {
        opened.close();
      }
    },
  };
}

async function runParts(context: BenchContext): Promise<Result> {
  const object = compileBpf(context, "scripts/bench/parts/parts.bpf.c", "parts.bpf.o");
  const loop = compileC(context, "scripts/bench/syscall/loop.c", "parts-loop");
  const contenders = [nothing, ...calls, ...lookers].map((combination) =>
    contender(object, loop, context.quick ? 4_000 : 20_000, combination),
  );
  const figures = [...(await interleave(context.rounds, contenders)).values()];
  const base = figures[0] ?? [];
  const rowsOf = (combinations: readonly Combination[], from: number): FigureTable["rows"] =>
    combinations.map(({ name }, index) => [name, range(leastAdded(figures[from + index] ?? [], base))]);
  return {
    tables: [
      {
        caption:
          "Counting calls with their duration; a line that begins with «+» has what the one above has, one with «or» something else in its place.",
        headings: ["programs", "added ns"],
        rows: rowsOf(calls, 1),
      },
      {
        caption: "Looking for one of all system calls, which is what the signals tcp and file do.",
        headings: ["programs", "added ns"],
        rows: rowsOf(lookers, 1 + calls.length),
      },
    ],
    targets: [],
    notes: [],
  };
}

export const parts: Scenario = {
  name: "parts",
  title: "What the cost of a traced system call is made of",
  method:
    "The loop of the scenario `syscall`, 1 process, with the programs of `scripts/bench/parts/parts.bpf.c`: what is " +
    "added, as there.",
  packages: [],
  run: runParts,
};
