import assert from "node:assert/strict";
import { test } from "node:test";
import { compileProgram, runProgram } from "../kernel/support/program.js";
import { log2Ceil, secondsPower } from "../../src/metrics/log2.js";

/** Prints what bpf/include/ringtap/log2.h makes of each number. */
const kernelSource = `
#include <stdio.h>
#include <stdlib.h>
#include <ringtap/log2.h>
int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		unsigned long long value = strtoull(argv[i], NULL, 10);
		printf("%u %u\\n", ceil_log2(value), ceil_log2_seconds(value));
	}
}`;

test("slots at every power of two up to 2^53", () => {
  for (let power = 1; power <= 53; power++) {
    const edge = 2 ** power;
    assert.equal(log2Ceil(edge), power, `2^${power}`);
    if (power < 53) {
      assert.equal(log2Ceil(edge + 1), power + 1, `2^${power} + 1`);
    }
    if (power > 1) {
      assert.equal(log2Ceil(edge - 1), power, `2^${power} - 1`);
    }
  }
});

test("up to 1 is slot 0", () => {
  for (const value of [0, 0.5, 1, -1, -Infinity, NaN]) {
    assert.equal(log2Ceil(value), 0);
  }
});

test("fractions round up", () => {
  assert.equal(log2Ceil(1.25), 1);
  assert.equal(log2Ceil(255.5), 8);
  assert.equal(log2Ceil(256.5), 9);
});

test("what is too large to be exact is above every bucket", () => {
  for (const value of [2 ** 53 + 2, 2 ** 63, 2 ** 64, Infinity]) {
    assert.equal(log2Ceil(value), 64);
  }
});

test("powers of two of a second: each nanosecond falls below the first bound that it does not exceed", () => {
  for (let power = -30; power <= 22; power++) {
    // 2^power s in nanoseconds, rounded down, without a rounding error.
    const edge = Number((10n ** 9n * 2n ** BigInt(power + 30)) / 2n ** 30n);
    assert.equal(secondsPower(edge), edge === 0 ? -30 : power, `2^${power} s`);
    assert.equal(secondsPower(edge + 1), Math.max(power + 1, -29), `2^${power} s and 1 ns`);
  }
  assert.equal(secondsPower(0), -30);
  assert.equal(secondsPower(0.93), -30);
  assert.equal(secondsPower(2 ** 53), 24);
  assert.ok(secondsPower(2 ** 54) > 22);
});

test("the kernel's programs bucket durations as this does", async () => {
  const bpf = new URL("../../../bpf/include", import.meta.url).pathname;
  const program = compileProgram("rt-bits", kernelSource, [`-I${bpf}`]);
  const edges = Array.from({ length: 43 }, (_, power) => Math.floor(2 ** power * (1e9 / 2 ** 30)));
  const powers = Array.from({ length: 43 }, (_, power) => 2 ** power);
  const durations = [0, ...edges, ...powers].flatMap((edge) => [edge, edge + 1, Math.max(edge - 1, 0)]);
  const { stdout } = await runProgram(program, durations.map(String));
  const expected = durations.map((duration) => `${log2Ceil(duration)} ${secondsPower(duration) + 30}`);
  assert.deepEqual(stdout.trimEnd().split("\n"), expected);
  // Beyond what its multiplication is exact for, up to the longest there is: above every bucket.
  const { stdout: long } = await runProgram(program, ["8796093022209", `${2n ** 63n}`, `${2n ** 64n - 1n}`]);
  for (const line of long.trimEnd().split("\n")) {
    assert.ok(Number(line.split(" ")[1]) > 36, line);
  }
});
