import assert from "node:assert/strict";
import { test } from "node:test";

import { recordedInstructions, seriesOf, withFindings } from "../../scripts/vm/record.js";

const empty = `# Kernels

<!-- begin: written by npm run test:kernels -- --record -->
| |
| --- |
<!-- end -->

After.
`;

const older = {
  release: "5.10.0-46-cloud-amd64",
  arch: "x64",
  hooks: { tcp: "tp_btf" },
  instructions: { tcp_state: 1580 },
};
const newer = {
  release: "6.1.0-50-cloud-amd64",
  arch: "x64",
  hooks: { tcp: "tp_btf" },
  instructions: { tcp_state: 1500, tcp_new: 20 },
};

test("findings of kernels stand side by side, in order", () => {
  const page = withFindings(withFindings(empty, [newer]), [older]);
  assert(
    page.includes(`
|  | 5.10 | 6.1 |
| --- | --- | --- |
| release | 5.10.0-46-cloud-amd64 | 6.1.0-50-cloud-amd64 |
| hook of tcp | tp_btf | tp_btf |
| \`tcp_state\` | 1580 | 1500 |
| \`tcp_new\` |  | 20 |
`),
    page,
  );
  assert(page.startsWith("# Kernels\n") && page.endsWith("\nAfter.\n"));
});

test("new findings take the place of those of the same series", () => {
  const page = withFindings(withFindings(empty, [older, newer]), [
    { ...newer, release: "6.1.7", instructions: { tcp_state: 9 } },
  ]);
  assert.deepEqual(recordedInstructions(page, "6.1"), new Map([["tcp_state", 9]]));
  assert.deepEqual(recordedInstructions(page, "5.10"), new Map([["tcp_state", 1580]]));
  assert(!page.includes("tcp_new"), "a program that is nowhere any more");
});

test("another architecture's findings of a kernel are its own", () => {
  const page = withFindings(empty, [newer, { ...newer, arch: "arm64", instructions: { tcp_state: 1400 } }]);
  assert.equal(recordedInstructions(page, seriesOf("6.1.2", "x64"))?.get("tcp_state"), 1500);
  assert.equal(recordedInstructions(page, seriesOf("6.1.2", "arm64"))?.get("tcp_state"), 1400);
});

test("what is not recorded is undefined", () => {
  assert.equal(recordedInstructions(withFindings(empty, [older]), seriesOf("6.18.44-custom", "x64")), undefined);
  assert.throws(() => withFindings("# Kernels\n", [older]), /no table/);
});
