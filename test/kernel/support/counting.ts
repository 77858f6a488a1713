/** Does an agent that runs in some way of its own count? */
import assert from "node:assert/strict";

import { signals } from "../../../src/signals/index.js";
import { compileProgram, runProgram } from "./program.js";
import { type Samples, sum } from "./samples.js";

/** Opens a file that does not exist, 70 times. */
const source = `
#include <fcntl.h>
int main(void)
{
	for (int i = 0; i < 70; i++)
		open("/nonexistent", O_RDONLY);
}`;

/** Asserts that all signals of the default are up, and that known work done now is counted exactly. Once for each agent. */
export async function assertCounts(agent: { scrape(): Promise<Samples> }): Promise<void> {
  await runProgram(compileProgram("rt-counted", source));
  const samples = await agent.scrape();
  assert.equal(sum(samples, "ringtap_file_opens_total", { comm: "rt-counted", result: "ENOENT" }), 70);
  for (const { name } of signals.filter(({ optIn }) => optIn !== true)) {
    assert.equal(sum(samples, "ringtap_signal_up", { signal: name }), 1, name);
  }
}
