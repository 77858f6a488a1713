/** file against exact numbers of opens, and the paths that trace shows. */
import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { before, describe, it } from "node:test";

import { startAgent, unlimitedSeries } from "../support/agent.js";
import { compileProgram, programSource, scratch } from "../support/program.js";
import { startRingtap } from "../support/ringtap.js";
import { type Samples, select } from "../support/samples.js";
import { startWaiting } from "../support/waiting.js";

const source = programSource("file-opens");
const opens = "ringtap_file_opens_total";

let program = "";

before(() => {
  program = compileProgram("file-opens", source);
});

function emptyFolder(): string {
  return mkdtempSync(scratch("opens-"));
}

describe("file", () => {
  /** Opens by outcome, of all processes of the program's name. */
  function byResult(samples: Samples): Map<string, number> {
    const counts = new Map<string, number>();
    for (const [series, value] of select(samples, opens, { comm: "file-opens" })) {
      const result = /result="(\w+)"/.exec(series)?.[1] ?? "";
      counts.set(result, (counts.get(result) ?? 0) + value);
    }
    return counts;
  }

  it("counts every open once, by outcome", async (t) => {
    const agent = await startAgent(t, ["--signals=file", ...unlimitedSeries]);
    const waiting = await startWaiting(t, program, ["outcomes", emptyFolder()]);
    const earlier = byResult(await agent.scrape());
    await waiting.go();
    const later = byResult(await agent.scrape());
    const counted = Array.from(later, ([result, value]) => [result, value - (earlier.get(result) ?? 0)] as const);
    assert.deepEqual(Object.fromEntries(counted), {
      // 5 creat, 10 open, 20 openat, 40 openat2, 3 compat open, both ends of a fifo
      ok: 80,
      ENOENT: 9,
      EEXIST: 4,
      EISDIR: 6,
      EXDEV: 8,
      EFAULT: 9,
    });
  });

  // On arm64 SECCOMP_RET_TRAP leaves the first argument as the result, AT_FDCWD.
  it(
    "counts what seccomp answers by what it leaves as the result, unless fexit leaves it out",
    { skip: process.arch !== "x64" },
    async (t) => {
      const agent = await startAgent(t, ["--signals=file", ...unlimitedSeries]);
      const waiting = await startWaiting(t, program, ["answered", emptyFolder()]);
      const earlier = byResult(await agent.scrape());
      await waiting.go();
      const later = byResult(await agent.scrape());
      const counted = Array.from(later, ([result, value]) => [result, value - (earlier.get(result) ?? 0)] as const);
      const ready = await (await agent.get("/readyz")).text();
      const expected = ready.includes("file: up (fexit)") ? { ok: 0 } : { ok: 10 + 30, EPERM: 20 };
      assert.deepEqual(Object.fromEntries(counted), expected);
    },
  );

  it("traces path and flags, and shows where a path is cut", async (t) => {
    const trace = startRingtap(t, ["trace", "file", "--output=json", "--comm=file-opens"]);
    await trace.said(/tracing/);
    const waiting = await startWaiting(t, program, ["paths", emptyFolder()]);
    await waiting.go();
    await trace.stop();
    const records = trace.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ path }) => typeof path === "string" && !path.endsWith("/ld.so.cache") && !path.endsWith("/libc.so.6"));
    assert.deepEqual(
      records.map(({ pid, tid, comm }) => ({ pid, tid, comm })),
      records.map(() => ({ pid: waiting.pid, tid: waiting.pid, comm: "file-opens" })),
    );
    const shown = records.map(({ path, flags, result, path_truncated: cut }) => [path, flags, result, cut]);
    assert.deepEqual(shown, [
      ["/nonexistent/file", "O_RDONLY|O_CLOEXEC", "ENOENT", undefined],
      ["new", "O_WRONLY|O_CREAT|O_TRUNC", "ok", undefined],
      [".", "O_RDONLY|O_DIRECTORY|O_NOFOLLOW", "ok", undefined],
      ["new", "O_WRONLY|O_APPEND", "ok", undefined],
      ["new", "O_RDWR", "ok", undefined],
      ['a "b"\n\ufffd', "O_RDONLY", "ENOENT", undefined],
      ["", "O_RDONLY", "EFAULT", undefined],
      ["x".repeat(255), "O_RDONLY", "ENOENT", undefined],
      ["x".repeat(255), "O_RDONLY", "ENAMETOOLONG", true],
    ]);
  });
});
