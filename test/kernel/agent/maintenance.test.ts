/** A signal is maintained each second while one of its maps fills up, however little happens. */
import assert from "node:assert/strict";
import { it } from "node:test";

import { startAgent } from "../../../src/agent/start-agent.js";
import type { AnySignal, Running } from "../../../src/sdk/signal.js";
import { file } from "../../../src/signals/file/signal.js";
import { process as processSignal } from "../../../src/signals/process/signal.js";

it("maintenance does not wait for a signal one of whose maps is more than half full", async (test) => {
  let entries = 0;
  const whole: AnySignal = file;
  /** The signal `file`, but for how full it says that its map is. */
  const filling: AnySignal = {
    ...whole,
    start: (...args) => ({ ...(whole.start(...args) as Running), stats: () => ({ mapEntries: [["opens", entries]] }) }),
  };
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const agent = startAgent({ signals: [processSignal, filling], log });
  test.after(() => {
    agent.close();
  });
  const running = agent.running.find(({ signal }) => signal.name === "file");
  assert(running !== undefined);
  const capacity = running.mapFill()[0]?.capacity ?? 0;
  assert(capacity > 0);
  for (const [now, mayWait] of [
    [Math.floor(capacity / 2), true],
    [Math.floor(capacity / 2) + 1, false],
    [0, true],
  ] as const) {
    entries = now;
    await agent.collect();
    assert.equal(running.maintainMayWait, mayWait, `${now} of ${capacity}`);
  }
});
