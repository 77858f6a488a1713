/** Tests of requests of HTTP/1.x by conversations of which each one is known, cut in every way, at both ends. */
import { readFileSync } from "node:fs";
import { it } from "node:test";

import { type Suite, testConversations } from "./conversations.js";
import { suite } from "./http-conversations.js";
import { compileProgram, runProgram } from "./program.js";
import type { Scope } from "./scope.js";

/** What l7-early.c does, and the requests that it has then. */
const early = [
  [
    "head",
    [
      ["HEAD", 200],
      ["POST", 201],
    ],
  ],
  [
    "close",
    [
      ["GET", 200],
      ["POST", 0, "closed"],
    ],
  ],
] as const;

/** Declares the tests, which share an agent. */
export function testHttp(scope: Scope, options: Pick<Suite<unknown>, "build"> = {}): void {
  const program = compileProgram(
    "l7-early",
    readFileSync(new URL("../../../../test/kernel/programs/l7-early.c", import.meta.url), "utf8"),
  );
  const { started, assertBoth } = testConversations(scope, { ...suite, ...options });

  for (const [what, requests] of early) {
    it(`are counted whose response is received before the call that sends them has returned: ${what}`, async () => {
      const agent = await started();
      const { pid } = await runProgram(program, [what]);
      assertBoth(await agent.scrape(), pid, requests);
    });
  }
}
