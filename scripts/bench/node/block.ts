/** What programs take of each request to a disk. */
import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { compileC } from "../lib/build.js";
import { atMost } from "../lib/figures.js";
import { loadCpu, onCpu, run } from "../lib/programs.js";
import type { BenchContext } from "../lib/scenario.js";
import { block as signal } from "../../../src/signals/block/signal.js";
import { attachedObject, attachedSignal, peer } from "../lib/tracers.js";
import type { Part } from "./part.js";

/** Empty programs where ringtap has its own: what the kernel's statistics say of them is a reading of the clock. */
const empty = attachedObject("empty programs, with the clock", "scripts/bench/node/empty.bpf.c", "block_");
const traced = attachedSignal("ringtap, block signal", signal);
const biolatency = peer("biolatency -D (bcc libbpf-tools)", 2, "biolatency", "-D");

/** Reads of 4 KiB past the page cache. */
const requests = 2_000;

/** Sparse; test/kernel/programs/block-io.c reads the first quarter of each 16 KiB. */
const diskBytes = requests * 16 * 2 ** 10;

/** Has the kernel time BPF programs, until the scenario has ended. */
function timePrograms(context: BenchContext): void {
  const setting = "/proc/sys/kernel/bpf_stats_enabled";
  const before = readFileSync(setting, "utf8");
  writeFileSync(setting, "1");
  context.after(() => {
    writeFileSync(setting, before);
  });
}

async function loopDevice(context: BenchContext): Promise<string> {
  const file = join(context.scratch, "disk");
  writeFileSync(file, "");
  truncateSync(file, diskBytes);
  const device = (await run("losetup", "--find", "--show", file)).trim();
  context.after(() => run("losetup", "--detach", device));
  return device;
}

/** What programs have run. */
interface Runs {
  readonly count: number;
  /** Nanoseconds, by the kernel's statistics. */
  readonly time: number;
}

/** What the programs on requests have run, by their ids, whoever attached them. */
async function runsOfPrograms(): Promise<ReadonlyMap<number, Runs>> {
  const programs = JSON.parse(await run("bpftool", "--json", "prog", "show")) as readonly {
    readonly id: number;
    readonly name?: string;
    readonly run_time_ns?: number;
    readonly run_cnt?: number;
  }[];
  const found = programs.filter(({ name = "" }) => name.startsWith("block_"));
  return new Map(found.map(({ id, run_cnt = 0, run_time_ns = 0 }) => [id, { count: run_cnt, time: run_time_ns }]));
}

/** What has been run since `before`. Programs of the turn before may go meanwhile: what they had run is not subtracted. */
async function runsSince(before: ReadonlyMap<number, Runs>): Promise<Runs> {
  let [count, time] = [0, 0];
  for (const [id, runs] of await runsOfPrograms()) {
    count += runs.count - (before.get(id)?.count ?? 0);
    time += runs.time - (before.get(id)?.time ?? 0);
  }
  return { count, time };
}

export const block: Part = {
  signal: "block",
  event: "request to a disk",
  floor: empty,
  traced,
  peers: [biolatency],
  prepare(context) {
    const program = compileC(context, "test/kernel/programs/block-io.c", "block-io", "-D_GNU_SOURCE");
    const count = context.quick ? requests / 2 : requests;
    timePrograms(context);
    let device: Promise<string> | undefined;
    /** What a run of an empty program takes, nanoseconds, the least so far. */
    let emptyRun = Infinity;
    return async (tracer) => {
      device ??= loopDevice(context);
      const before = await runsOfPrograms();
      // It waits for the end of its standard input.
      await run(...onCpu(loadCpu, "sh", "-c", `exec ${program} ${await device} ${count} 0 0 0 0 </dev/null`));
      const runs = await runsSince(before);
      if (tracer === empty) {
        emptyRun = Math.min(emptyRun, runs.time / runs.count);
        return runs.time / count;
      }
      return runs.count === 0 ? 0 : (runs.time - runs.count * emptyRun) / count;
    };
  },
  targets(added) {
    const ratio = added.against(traced, biolatency);
    return [
      atMost(100, added.by(traced), " ns", "of a request to a disk, taken by block"),
      ...(ratio === undefined ? [] : [atMost(0.4, ratio, " ×", `taken by block, against ${biolatency.name}`)]),
    ];
  },
};
