/** The agent under measurement. */
import { join } from "node:path";

import { type Child, type CpuUse, cpuUse, startChild } from "./child.js";
import { agentCpu, onCpu } from "./programs.js";
import type { BenchContext } from "./scenario.js";

/** `ringtap run` that serves, everything attached. */
export interface Agent extends Child {
  /** Without a path: `http://127.0.0.1:PORT`. */
  readonly origin: string;
  /** The metrics as they stand, as text. */
  scrape(): Promise<string>;
  /** Its use of CPUs since its start. */
  cpuUse(): CpuUse;
}

export interface AgentOptions {
  /** Flags of `ringtap run`. */
  readonly flags?: readonly string[];
  /** Leaves it to the scheduler where the agent runs; else it has the agents' core. */
  readonly anyCpu?: boolean;
}

/** Starts the agent and returns when it serves. */
export async function startAgent(
  context: Pick<BenchContext, "root" | "after">,
  options: AgentOptions = {},
): Promise<Agent> {
  const { flags = [], anyCpu = false } = options;
  const main = join(context.root, "dist/src/cli/main.js");
  const command = [process.execPath, main, "run", "--web.listen-address=127.0.0.1:0", ...flags];
  const child = startChild(context, ...(anyCpu ? command : onCpu(agentCpu, ...command)));
  const [, origin = ""] = await child.said(/(http:\/\/\S+)\/metrics/);
  return Object.assign(child, {
    origin,
    scrape: async () => (await fetch(`${origin}/metrics`)).text(),
    cpuUse: () => cpuUse(child.pid),
  });
}

/** The sum of a metric's series that have all these labels, each written as `name="value"`. */
export function total(metrics: string, metric: string, ...labels: readonly string[]): number {
  const lines = metrics.split("\n").filter((line) => line.startsWith(`${metric}{`) || line.startsWith(`${metric} `));
  return lines
    .filter((line) => labels.every((label) => line.includes(label)))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}

/** Samples on a page of metrics: what Prometheus counts as series. */
export function seriesCount(metrics: string): number {
  return metrics.split("\n").filter((line) => line !== "" && !line.startsWith("#")).length;
}
