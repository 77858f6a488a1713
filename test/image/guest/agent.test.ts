/** The files of an image of another architecture, run in a guest of it: test/image/arm64.test.ts put them into OUT. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { it } from "node:test";

import { startAgent } from "../../kernel/support/agent.js";
import { assertCounts } from "../../kernel/support/counting.js";
import { runRingtap } from "../../kernel/support/ringtap.js";

const { OUT: out = "" } = process.env;
const root = `${out}/root`;
const image = { prefix: ["chroot", root], node: "/usr/local/bin/node", main: "/usr/local/bin/ringtap" };

it("counts events", async (test) => {
  for (const path of ["/proc", "/sys"]) {
    execFileSync("busybox", ["mount", "-o", "rbind", path, `${root}${path}`]);
  }
  const { status, stdout } = await runRingtap(test, ["check"], image);
  assert.equal(status, 0, stdout);
  test.diagnostic(stdout);
  await assertCounts(await startAgent(test, [], image));
});
