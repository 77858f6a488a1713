import { setTimeout } from "node:timers/promises";

/** A guest of scripts/vm/vmtest is emulated, and some thirteen times slower; more where its host has other work. */
export const slowness = process.env.VMTEST_GUEST === undefined ? 1 : 40;

/** Milliseconds. */
const patience = 10_000 * slowness;

/** Tries until `attempt` does not throw, and returns what it returned; its last error when patience ends. */
export async function eventually<T>(attempt: () => T | Promise<T>): Promise<T> {
  const deadline = Date.now() + patience;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > deadline) {
        throw error;
      }
      await setTimeout(10);
    }
  }
}
