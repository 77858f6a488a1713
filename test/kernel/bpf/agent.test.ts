/** Signals of `ringtap/bpf` from a folder, in the agent: in every place where a built-in one is. */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";

import { startAgent } from "../support/agent.js";
import { compileProgram, runProgram } from "../support/program.js";
import { mainScript, runRingtap, startRingtap } from "../support/ringtap.js";
import { select, sum } from "../support/samples.js";
import { suiteScope } from "../support/scope.js";
import { build, outsideFolder, runTestFile } from "../support/signal-folder.js";

const checkout = fileURLToPath(new URL("../../../../", import.meta.url));

/** Sends itself SIGURG (23) 40 times and SIGUSR1 (10) 10 times; its end sends SIGCHLD (17) to its parent. */
const source = `
#include <signal.h>
#include <unistd.h>
int main(void)
{
	signal(SIGUSR1, SIG_IGN);
	for (int i = 0; i < 40; i++)
		kill(getpid(), SIGURG);
	for (int i = 0; i < 10; i++)
		kill(getpid(), SIGUSR1);
	return 0;
}`;

/** A signal of one file. */
const signalText = `
import { text, tracepoint } from "ringtap/bpf";
export default tracepoint("signal_generate", (e, h) => ({
  name: "sent",
  summary: "POSIX signals sent, by number",
  where: h.comm.eq("rt-bpf-kill"),
  count: { by: { number: e.sig }, sum: { numbers: e.sig } },
  record: { number: e.sig, to: e.task.comm, is_urgent: e.sig.eq(23) },
}));
`;

describe("bpf in the agent", () => {
  const scope = suiteScope();
  let folder = "";
  let program = "";

  function write(name: string, text: string, file = "signal.ts"): string {
    const path = join(folder, name);
    mkdirSync(path);
    writeFileSync(join(path, "package.json"), '{"type":"module"}\n');
    writeFileSync(join(path, file), text);
    return path;
  }

  before(async () => {
    folder = outsideFolder(scope);
    program = compileProgram("rt-bpf-kill", source);
    await build(scope, write("sent", signalText));
  });

  it("counts under the labels of its process, and is accounted for", async (t) => {
    const agent = await startAgent(t, ["--signals=sent", `--signals.path=${join(folder, "sent")}`]);
    const { pid } = await runProgram(program);
    const samples = await agent.scrape();
    const sent = (labels: Record<string, string | number>): number => sum(samples, "sent_total", labels);
    assert.deepEqual(
      [sent({ pid, comm: "rt-bpf-kill", number: 23 }), sent({ pid, comm: "rt-bpf-kill", number: 10 }), sent({ pid })],
      [40, 10, 51],
    );
    assert.equal(sum(samples, "sent_numbers_total", { pid }), 40 * 23 + 10 * 10 + 17);
    const events = ["produced", "consumed"].map((what) =>
      sum(samples, `ringtap_events_${what}_total`, { signal: "sent" }),
    );
    assert.deepEqual(events, [51, 51]);
    assert.equal(select(samples, "ringtap_bpf_program_misses_total", { program: "sent" }).size, 1);
    assert.equal(sum(samples, "ringtap_map_entries", { map: "sent_counts" }) >= 1, true);
    assert.match(await (await agent.get("/readyz")).text(), /^sent: up \(tp_btf\)$/m);
  });

  it("is traced, and filtered by its fields", async (t) => {
    const path = `--signals.path=${join(folder, "sent")}`;
    const trace = startRingtap(t, ["trace", "sent", path, "--output=json", "--where=number=10"]);
    await trace.said(/tracing/);
    const { pid } = await runProgram(program);
    await trace.stop();
    const events = trace.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.equal(events.length, 10);
    const [{ signal, number, to, is_urgent: isUrgent, pid: sender, comm } = {}] = events;
    assert.deepEqual(
      [signal, number, to, isUrgent, sender, comm],
      ["sent", 10, "rt-bpf-kill", false, pid, "rt-bpf-kill"],
    );
  });

  it("is left out, with a line that says why, where the kernel lacks a field; the others run", async (t) => {
    const text = signalText.replace("e.task.comm", "e.task.commm").replace('"sent"', '"lacking"');
    const path = write("lacking", text, "signal.js");
    writeFileSync(join(path, "package.json"), '{"type":"module","exports":"./signal.js"}\n');
    const agent = await startAgent(t, [
      "--signals=sent,lacking",
      `--signals.path=${join(folder, "sent")}`,
      `--signals.path=${path}`,
    ]);
    await runProgram(program);
    assert.equal(sum(await agent.scrape(), "sent_total", {}), 51);
    assert.match(
      agent.stderr,
      /signal lacking: tp_btf: struct task_struct has no field commm on this kernel \(did you mean \\"comm\\"\?\); it has /,
    );
    const { stdout, status } = await runRingtap(t, ["signal", "check", path]);
    assert.match(stdout, /^signal lacking +fail +.*struct task_struct has no field commm/m);
    assert.equal(status, 1);
  });

  it("the example passes the test that it comes with", async (t) => {
    const example = join(folder, "exit");
    cpSync(join(checkout, "docs/examples/signal-exit"), example, { recursive: true });
    await build(t, example);
    const environment = { RINGTAP: `${process.execPath} ${mainScript}` };
    assert.match(runTestFile("exit.test.mjs", example, environment), /^# pass 1$/m);
  });

  it("says in one line what is wrong with an expression, or that there is no such tracepoint", async (t) => {
    const wrong: readonly (readonly [name: string, from: string, to: string, says: RegExp])[] = [
      [
        "tracepoint",
        "signal_generate",
        "signal_generated",
        /no tracepoint signal_generated \(did you mean "signal_generate"\?\)/,
      ],
      [
        "argument",
        "e.sig,",
        "e.sigg,",
        /the tracepoint signal_generate has no argument sigg on this kernel .*; it has sig, info/,
      ],
      [
        "struct",
        "number: e.sig }",
        "number: e.task }",
        /count: by: number: is a struct task_struct: choose one of its fields/,
      ],
      [
        "stack",
        "number: e.sig }, sum",
        "number: e.sig, a: text(e.task.mm, 256), b: text(e.task.signal, 256) }, sum",
        /it needs \d+ bytes of stack and there are 512: use fewer or shorter texts/,
      ],
      [
        "unit",
        "record: { number: e.sig, to: e.task.comm, is_urgent: e.sig.eq(23) }",
        'histogram: { of: e.sig, unit: "hours" }',
        /unit: "hours": expected seconds, bytes or number/,
      ],
    ];
    for (const [name, from, to, says] of wrong) {
      const path = write(name, signalText.replace(from, to), "signal.js");
      writeFileSync(join(path, "package.json"), '{"type":"module","exports":"./signal.js"}\n');
      const { stdout, status } = await runRingtap(t, ["signal", "check", path]);
      assert.match(stdout, says);
      assert.equal(status, 1);
    }
  });
});
