import { setTimeout } from "node:timers/promises";

/** Milliseconds. */
const patience = 10_000;

/** Tries until `attempt` does not throw, and returns what it returned; its last error after ten seconds. */
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
