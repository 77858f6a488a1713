/** Pressure of control groups: for how long something in them waited (Documentation/accounting/psi.rst). */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import type { Agent } from "./agent.js";
import type { ControlGroup } from "./cgroups.js";
import { eventually } from "./eventually.js";
import { sum } from "./samples.js";

/** The file of what a signal counts the pressure of. */
const files = { sched: "cpu.pressure", memory: "memory.pressure" } as const;

/** `some` and `full` of a group's file, µs in all. Before Linux 5.13 that of CPUs has no `full`. */
function pressureOf(file: string): number[] {
  const text = readFileSync(file, "utf8");
  return ["some", "full"].map((share) => Number(new RegExp(`^${share} .*total=(\\d+)$`, "m").exec(text)?.[1] ?? 0));
}

/** Asserts that the agent has the pressure of container `id` as the kernel has that of its group, and that some waited longer than `least` µs. */
export async function assertPressure(
  agent: Agent,
  signal: keyof typeof files,
  group: ControlGroup,
  id: string,
  least: number,
): Promise<void> {
  await eventually(async () => {
    // Reading the file brings the kernel's numbers up to date.
    const pressure = pressureOf(`${group.folder}/${files[signal]}`);
    const samples = await agent.scrape();
    const labels = { container_id: id.slice(0, 12) };
    const counted = ["some", "full"].map((share) => {
      const seconds = sum(samples, `ringtap_${signal}_pressure_seconds_total`, { ...labels, share });
      return Math.floor(seconds * 1e6 + 1e-3);
    });
    assert.deepEqual(counted, pressure);
    assert((pressure[0] ?? 0) > least, pressure.join(" "));
  });
}
