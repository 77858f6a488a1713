/** What is counted while an agent can read no records. */
import assert from "node:assert/strict";

import type { Agent } from "./agent.js";
import { type Samples, sum } from "./samples.js";

/**
 * Has the records of l7 watched, stops the agent, and runs `work`, which has to make more records than `--ring.size` has room for: some are
 * left out once it fills up, as is asserted, and the rest when it is full. Resolves to what has been counted by then.
 */
export async function withFullRing(agent: Agent, work: () => Promise<unknown>): Promise<Samples> {
  const dropped = (samples: Samples): number => sum(samples, "ringtap_events_dropped_total", { signal: "l7" });
  const earlier = dropped(await agent.scrape());
  const reader = (await agent.get("/api/live?tail=1&signals=l7")).body?.getReader();
  // With what the stream begins with, records are watched.
  await reader?.read();
  process.kill(agent.pid, "SIGSTOP");
  try {
    await work();
  } finally {
    process.kill(agent.pid, "SIGCONT");
  }
  const samples = await agent.scrape();
  await reader?.cancel();
  assert(dropped(samples) > earlier, "the ring did not fill up");
  return samples;
}
