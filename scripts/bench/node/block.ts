/** What programs take of each request to a disk. */
import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { compileC } from "../lib/build.js";
import { atMost } from "../lib/figures.js";
import { loadCpu, onCpu, run } from "../lib/programs.js";
import type { BenchContext } from "../lib/scenario.js";
import { ratios, spread } from "../lib/spread.js";
import { peer, ringtap } from "../lib/tracers.js";
import type { Part } from "./part.js";

const traced = ringtap("ringtap, block signal", { flags: ["--signals=block"] });
const biolatency = peer("biolatency -D (bcc libbpf-tools)", 2, "biolatency", "-D");

/** Reads of 4 KiB past the page cache. */
const requests = 10_000;

const diskBytes = 16 * 2 ** 20;

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

/** Nanoseconds that the programs on requests have run, whoever attached them. */
async function timeOfPrograms(): Promise<number> {
  const programs = JSON.parse(await run("bpftool", "--json", "prog", "show")) as readonly {
    readonly name?: string;
    readonly run_time_ns?: number;
  }[];
  return programs
    .filter(({ name = "" }) => name.startsWith("block_"))
    .reduce((total, { run_time_ns = 0 }) => total + run_time_ns, 0);
}

export const block: Part = {
  signal: "block",
  event: "request to a disk",
  tracers: [traced],
  peers: [biolatency],
  prepare(context) {
    const program = compileC(context, "test/kernel/programs/block-io.c", "block-io", "-D_GNU_SOURCE");
    const count = context.quick ? requests / 4 : requests;
    timePrograms(context);
    let device: Promise<string> | undefined;
    return async () => {
      device ??= loopDevice(context);
      const before = await timeOfPrograms();
      // It waits for the end of its standard input.
      await run(...onCpu(loadCpu, "sh", "-c", `exec ${program} ${await device} ${count} 0 0 0 0 </dev/null`));
      return ((await timeOfPrograms()) - before) / count;
    };
  },
  targets: (added) => [
    atMost(100, spread(added(traced)), " ns", "of a request to a disk, taken by block"),
    ...(added(biolatency).length === 0
      ? []
      : [
          atMost(
            0.4,
            spread(ratios(added(traced), added(biolatency))),
            " ×",
            `taken by block, against ${biolatency.name}`,
          ),
        ]),
  ],
};
