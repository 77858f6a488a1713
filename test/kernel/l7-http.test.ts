/** Requests of HTTP/1.x, against conversations of which each request is known, cut in every way, at both ends. */
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";

import { testConversations } from "./support/conversations.js";
import { suite } from "./support/http-conversations.js";
import { compileProgram, runProgram } from "./support/program.js";
import { suiteScope } from "./support/scope.js";

const early = compileProgram(
  "l7-early",
  readFileSync(new URL("../../../test/kernel/programs/l7-early.c", import.meta.url), "utf8"),
);

describe("requests of HTTP/1.x", () => {
  const { started, assertBoth } = testConversations(suiteScope(), suite);

  for (const [what, requests] of [
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
  ] as const) {
    it(`are counted whose response is received before the call that sends them has returned: ${what}`, async () => {
      const agent = await started();
      const { pid } = await runProgram(early, [what]);
      assertBoth(await agent.scrape(), pid, requests);
    });
  }
});
