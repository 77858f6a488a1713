/** What people who look at the page cost the agent. */
import { get } from "node:http";
import { setTimeout } from "node:timers/promises";

import { type Agent, startAgent } from "./lib/agent.js";
import { compileC } from "./lib/build.js";
import { settleTime } from "./lib/delay.js";
import { figure, range } from "./lib/figures.js";
import { loadCpu, onCpu, runForNumbers } from "./lib/programs.js";
import type { BenchContext, Result, Scenario } from "./lib/scenario.js";
import { interleave, median, ratio, spread } from "./lib/spread.js";

/** Pages at once. */
const viewers = [0, 1, 10];

/** Connections a second, meanwhile. */
const rate = 1_000;

/** What the agent has been asked for, and sends. */
interface Viewers {
  /** Bytes that have come so far, to all of them. */
  received(): number;
  close(): void;
}

/** Opens the page's stream so many times, with the events of the tail. */
async function openViewers(origin: string, count: number): Promise<Viewers> {
  let bytes = 0;
  const requests = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof get>>((resolve, reject) => {
          const request = get(`${origin}/api/live?tail=1`, { agent: false }, (response) => {
            response.on("data", (piece: Buffer) => {
              bytes += piece.length;
            });
            resolve(request);
          });
          request.on("error", reject);
        }),
    ),
  );
  return {
    received: () => bytes,
    close() {
      for (const request of requests) {
        request.destroy();
      }
    },
  };
}

/** The agent's share of a core and what one viewer is sent in a second, bytes. */
interface Cost {
  readonly cpu: number;
  readonly sent: number;
}

async function measure(agent: Agent, load: readonly string[], count: number): Promise<Cost> {
  const watching = await openViewers(agent.origin, count);
  await setTimeout(settleTime);
  const [cpu, bytes, begin] = [agent.cpuUse().seconds, watching.received(), performance.now()];
  await runForNumbers(...load);
  const seconds = (performance.now() - begin) / 1e3;
  const cost = {
    cpu: (agent.cpuUse().seconds - cpu) / seconds,
    sent: count === 0 ? 0 : (watching.received() - bytes) / count / seconds,
  };
  watching.close();
  await setTimeout(settleTime);
  return cost;
}

async function runPage(context: BenchContext): Promise<Result> {
  const program = compileC(context, "scripts/bench/tcp/load.c", "page-load");
  const load = onCpu(loadCpu, program, context.quick ? "1.5" : "5", rate.toString());
  const agent = await startAgent(context);
  const sent = new Map<string, number[]>();
  // Its hot functions are compiled before the first that counts.
  await measure(agent, load, 1);
  const cpu = await interleave(
    context.rounds,
    viewers.map((count) => ({
      name: count.toString(),
      async measure() {
        context.progress(`${count} pages`);
        const cost = await measure(agent, load, count);
        sent.set(count.toString(), [...(sent.get(count.toString()) ?? []), cost.sent]);
        return cost.cpu;
      },
    })),
  );
  await agent.stop();
  const alone = cpu.get("0") ?? [];
  return {
    tables: [
      {
        headings: ["pages", "agent, % of a core", "÷ none", "sent to each, kB/s"],
        rows: [...cpu].map(([name, shares]) => [
          name,
          range(spread(shares.map((share) => 100 * share))),
          figure(ratio(shares, alone)),
          figure(median(sent.get(name) ?? []) / 1e3),
        ]),
      },
    ],
    targets: [],
    notes: [],
  };
}

export const page: Scenario = {
  name: "page",
  title: "People who look at the page",
  method:
    `The default agent, all signals, while a C client opens ${rate.toLocaleString("en")} connections a second to a C server, as in *TCP only*; nobody ` +
    "looks at the page, one does, ten do. A viewer is a client of the page's stream that takes the events too (`/api/live?tail=1`); what a browser makes " +
    "of it is the browser's. CPU time is what the scheduler charges all threads of the agent, from when the viewers have come.",
  packages: [],
  run: runPage,
};
