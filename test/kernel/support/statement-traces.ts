/** Two traces of a database's requests: one with their statements, and one that was not asked for them. */
import assert from "node:assert/strict";

import { eventually } from "./eventually.js";
import type { Scope } from "./scope.js";
import { startTrace } from "./trace.js";

/** Starts them for the requests to a port. */
export async function traceStatements(scope: Scope, port: number) {
  const options = ["l7", "--output=json", `--l7.ports=${port}`];
  const trace = await startTrace(scope, [...options, "--l7.statements"]);
  const plain = await startTrace(scope, options);
  return {
    /**
     * Waits until both have all requests: at each end those of these statements, undefined where there is none. Nothing of `literals` may
     * be shown, and no statement where none is asked for.
     */
    async show(expected: readonly (string | undefined)[], literals: RegExp): Promise<void> {
      await eventually(() => {
        for (const role of ["client", "server"]) {
          const events = trace.events().filter((event) => event.role === role);
          assert.deepEqual(
            events.map(({ statement }) => statement),
            expected,
          );
        }
        assert.equal(plain.events().length, 2 * expected.length);
      });
      assert.doesNotMatch(trace.stdout, literals);
      assert(plain.events().every((event) => !("statement" in event)));
    },
  };
}
