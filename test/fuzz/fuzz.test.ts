/** The fuzzer's parts that need no kernel. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { countedByRun, differences } from "./counted.js";
import { generate } from "./generate.js";
import { shrink } from "./shrink.js";

describe("generate", () => {
  it("makes the same program of the same seed, and others of others", () => {
    const program = generate("1/2", 80);
    assert.deepEqual(generate("1/2", 80), program);
    assert.notDeepEqual(generate("1/3", 80), program);
    assert(program.length >= 80);
    for (const line of program) {
      assert.match(line, /^~?[0-7]( [\w.-]+){1,5}$/);
    }
  });

  it("makes every operation in the end", () => {
    const names = new Set<string>();
    for (let seed = 0; seed < 200; seed++) {
      for (const line of generate(`all/${seed}`, 80)) {
        names.add(line.split(" ")[1] ?? "");
      }
    }
    assert.equal(names.size, 33);
  });
});

describe("differences", () => {
  it("does not mind the name of calls that count for the right process, and no other number", () => {
    const named = "calls pid=7 comm=a3 syscall=getppid";
    const unnamed = "calls pid=7 syscall=getppid";
    assert.deepEqual(differences(new Map([[named, 5]]), new Map([[unnamed, 5]])), []);
    assert.equal(differences(new Map([[named, 5]]), new Map([[unnamed, 4]])).length, 2);
    assert.equal(differences(new Map([[named, 5]]), new Map()).length, 1);
  });
});

describe("shrink", () => {
  const lines = Array.from({ length: 64 }, (_, index) => String(index));

  it("finds the lines without which it does not fail", async () => {
    const fails = (fewer: readonly string[]): Promise<boolean> =>
      Promise.resolve(["3", "40", "41"].every((line) => fewer.includes(line)));
    assert.deepEqual(await shrink(lines, fails, () => false), ["3", "40", "41"]);
  });

  it("stops when time is up, with a program that fails", async () => {
    let left = 3;
    const fails = (fewer: readonly string[]): Promise<boolean> => Promise.resolve(fewer.includes("63"));
    assert.deepEqual(await shrink(lines, fails, () => left-- <= 0), lines.slice(32));
  });
});

describe("what is counted", () => {
  it("is told apart by run, and by what differs", () => {
    const samples = new Map([
      ['ringtap_file_opens_total{pid="1",comm="f1.0_w",cgroup="/x-g1",result="ok"}', 2],
      ['ringtap_file_opens_total{pid="1",comm="f1.0_w",cgroup="/",result="ok"}', 3],
      ['ringtap_file_opens_total{pid="2",comm="f1.1_w",cgroup="/",result="ok"}', 4],
      ['ringtap_file_opens_total{pid="3",comm="other",cgroup="/",result="ok"}', 5],
    ]);
    const counted = countedByRun(samples, "/x-");
    assert.deepEqual([...counted.keys()], ["f1.0_", "f1.1_"]);
    const expected = new Map([
      ["opens pid=1 comm=f1.0_w group=g1 result=ok", 2],
      ["opens pid=1 comm=f1.0_w group= result=ok", 4],
      ["accepts pid=1 comm=f1.0_w family=ipv4", 1],
    ]);
    assert.deepEqual(differences(expected, counted.get("f1.0_") ?? new Map<string, number>()), [
      { what: "accepts pid=1 comm=f1.0_w family=ipv4", expected: 1, counted: 0 },
      { what: "opens pid=1 comm=f1.0_w group= result=ok", expected: 4, counted: 3 },
    ]);
  });
});
