/** Who tidies up. */
import { after } from "node:test";

/** Runs what it is given when it ends: a test's context, or a {@link suiteScope}. */
export interface Scope {
  after(tidy: () => unknown): void;
}

/** The scope of a suite, for what its `before` hooks make: call it inside `describe`. Tidies up last things first. */
export function suiteScope(): Scope {
  return lastFirst({ after });
}

/** A scope within a test's: it tidies up last things first, as what one thing stands on has to outlast it. */
export function lastFirst(scope: Scope): Scope {
  const tasks: (() => unknown)[] = [];
  scope.after(async () => {
    for (const task of tasks.reverse()) {
      await task();
    }
  });
  return {
    after(tidy) {
      tasks.push(tidy);
    },
  };
}
