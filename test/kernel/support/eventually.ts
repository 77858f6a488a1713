import { setTimeout } from "node:timers/promises";

/** Milliseconds; a guest of scripts/vmtest is emulated, and some thirteen times slower. */
const patience = process.env.VMTEST_GUEST === undefined ? 10_000 : 150_000;

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
