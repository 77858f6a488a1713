import { setTimeout } from "node:timers/promises";

/** A guest of scripts/vm/vmtest is emulated, and some thirteen times slower; more where its host has other work. */
export const slowness = process.env.VMTEST_GUEST === undefined ? 1 : 40;

const timeoutMs = 30_000 * slowness;

/** Calls `attempt` until it does not throw, for thirty seconds at most; returns what it returned, or throws its last error. */
export async function eventually<T>(attempt: () => T | Promise<T>): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > deadline) {
        throw error;
      }
      await setTimeout(10);
    }
  }
}

/** Waits until `condition` holds; throws after thirty seconds, with the condition's source. */
export async function until(condition: () => boolean): Promise<void> {
  await eventually(() => {
    if (!condition()) {
      throw new Error(`did not come about in time: ${condition.toString()}`);
    }
  });
}
