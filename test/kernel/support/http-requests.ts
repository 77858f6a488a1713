/** Tests of requests of HTTP/1.x by conversations of which each one is known, cut in every way, at both ends. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { it } from "node:test";

import { type Suite, testConversations } from "./conversations.js";
import { suite } from "./http-conversations.js";
import { compileProgram, runProgram } from "./program.js";
import { by } from "./request-counts.js";
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

/** What l7-until-close.c does, and how its request fails then, at either end. */
const untilClose = [
  ["server-closes", "", ""],
  ["half-closed", "", ""],
  ["server-resets", "truncated", ""],
  ["client-closes", "truncated", "truncated"],
  ["client-leaves", "truncated", ""],
  ["client-resets", "truncated", "truncated"],
] as const;

function source(program: string): string {
  return readFileSync(new URL(`../../../../test/kernel/programs/${program}.c`, import.meta.url), "utf8");
}

/** Declares the tests, which share an agent. */
export function testHttp(scope: Scope, options: Pick<Suite<unknown>, "build"> = {}): void {
  const program = compileProgram("l7-early", source("l7-early"));
  const ending = compileProgram("l7-until-close", source("l7-until-close"));
  const { started, assertBoth } = testConversations(scope, { ...suite, ...options });

  for (const [what, requests] of early) {
    it(`are counted whose response is received before the call that sends them has returned: ${what}`, async () => {
      const agent = await started();
      const { pid } = await runProgram(program, [what]);
      assertBoth(await agent.scrape(), pid, requests);
    });
  }

  for (const [what, client, server] of untilClose) {
    it(`are counted whose response ends with the connection: ${what}`, async () => {
      const agent = await started();
      const { pid } = await runProgram(ending, [what]);
      const samples = await agent.scrape();
      const errors = Object.values(suite.metrics).map((metric) => by("error_type", samples, metric, { pid }));
      assert.deepEqual(errors, [{ [client]: 1 }, { [server]: 1 }]);
    });
  }
}
