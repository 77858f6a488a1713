/** A user's own signal, from a folder outside the repository: in every place where a built-in one is. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";

import { startAgent, unlimitedSeries } from "../support/agent.js";
import { eventually } from "../support/eventually.js";
import {
  build,
  builtExample,
  edit,
  lockCounts,
  locker,
  outsideFolder,
  runTestFile,
  startLocks,
} from "../support/signal-folder.js";
import { compileProgram, programSource, runProgram, scratch } from "../support/program.js";
import { mainScript, runRingtap, startRingtap } from "../support/ringtap.js";
import { type Samples, select, sum } from "../support/samples.js";
import { suiteScope } from "../support/scope.js";
import { startWaiting } from "../support/waiting.js";

const checkout = fileURLToPath(new URL("../../../../", import.meta.url));

function eventCounts(samples: Samples, signal: string): number[] {
  return ["produced", "consumed", "dropped"].map((what) => sum(samples, `ringtap_events_${what}_total`, { signal }));
}

describe("own signal", () => {
  const scope = suiteScope();
  let folder = "";

  before(async () => {
    folder = await builtExample(scope);
  });

  it("is built from its sources as they are committed", () => {
    const example = join(checkout, "docs/examples/signal-lock/records.ts");
    assert.equal(readFileSync(join(folder, "records.ts"), "utf8"), readFileSync(example, "utf8"));
    for (const file of ["x64/lock.bpf.o", "arm64/lock.bpf.o", "signal.js", "records.js", "records.d.ts"]) {
      assert(existsSync(join(folder, "dist", file)), file);
    }
  });

  it("passes the test that it comes with", () => {
    const environment = { RINGTAP: `${process.execPath} ${mainScript}` };
    assert.match(runTestFile("lock.test.mjs", folder, environment), /^# pass 1$/m);
  });

  it("is checked: hook, records, instructions, metrics", async (t) => {
    const { status, stdout, stderr } = await runRingtap(t, ["signal", "check", folder, "--output=json"]);
    assert.equal(stderr, "");
    const findings = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, string>);
    const checks = findings.map((finding) => `${finding.check ?? ""} ${finding.status ?? ""}`);
    assert.deepEqual(checks, [
      "module ok",
      "hook ok",
      "record lock_event ok",
      "program lock_setlk ok",
      "metrics ok",
      "memory ok",
      "signal lock ok",
    ]);
    assert.match(findings[3]?.detail ?? "", /^tp_btf\/fcntl_setlk(, \d+ instructions walked by the verifier)?$/);
    assert.equal(status, 0);
    const all = await runRingtap(t, ["check", `--signals.path=${folder}`]);
    assert.match(all.stdout, /^signal lock +ok +tp_btf: lock_setlk$/m);
  });

  it("counts exactly, and is accounted for like a built-in one", async (t) => {
    const agent = await startAgent(t, [`--signals.path=${folder}`]);
    const locks = await startLocks(t, 30, 10, 7);
    await locks.go();
    const samples = await agent.scrape();
    assert.deepEqual(lockCounts(samples), { ok: 30, EAGAIN: 10, released: 7 });
    const [produced = 0, consumed = 0, dropped = 0] = eventCounts(samples, "lock");
    assert.equal(produced, consumed + dropped);
    assert(produced >= 47);
    assert.equal(sum(samples, "ringtap_signal_up", { signal: "lock" }), 1);
    assert.equal(select(samples, "ringtap_bpf_program_misses_total", { program: "lock_setlk" }).size, 1);
    assert.match(await (await agent.get("/readyz")).text(), /^lock: up \(tp_btf\)$/m);
  });

  it("keeps to --labels and --series-limit, by environment variables", async (t) => {
    const environment = { RINGTAP_SIGNALS_PATH: folder, RINGTAP_SIGNALS: "lock" };
    const agent = await startAgent(t, ["--labels=comm", "--series-limit=1"], { environment });
    await (await startLocks(t, 5, 3, 0)).go();
    const samples = await agent.scrape();
    assert.equal(sum(samples, "record_locks_total", {}), 8);
    assert([...select(samples, "record_locks_total", {}).keys()].every((series) => !series.includes("pid=")));
    assert(select(samples, "record_locks_total", {}).size <= 2);
  });

  it("has flags, from the command line and from a configuration file that is read again", async (t) => {
    const file = join(outsideFolder(t), "ringtap.yaml");
    const config = (only: boolean): void => {
      writeFileSync(file, `signals: [lock]\nsignals.path: ${folder}\nlock:\n  failures-only: ${String(only)}\n`);
    };
    config(true);
    const agent = await startAgent(t, [`--config.file=${file}`]);
    await (await startLocks(t, 30, 10, 7)).go();
    assert.deepEqual(lockCounts(await agent.scrape()), { ok: 0, EAGAIN: 10, released: 7 });
    config(false);
    await agent.said(/changed=--lock\.failures-only/);
    await (await startLocks(t, 30, 10, 7)).go();
    assert.deepEqual(lockCounts(await agent.scrape()), { ok: 30, EAGAIN: 20, released: 14 });
    const help = await runRingtap(t, ["run", "--help", `--signals.path=${folder}`]);
    assert.match(help.stdout, /--lock\.failures-only/);
  });

  it("is traced, its flags with it", async (t) => {
    const trace = startRingtap(t, ["trace", "lock", `--signals.path=${folder}`, "--output=json", `--comm=${locker}`]);
    await trace.said(/tracing/);
    const locks = await startLocks(t, 3, 2, 0);
    await locks.go();
    await trace.stop();
    const events = trace.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual(
      events.map(({ signal, comm, result, shared }) => [signal, comm, result, shared]),
      [...Array<string>(3).fill("ok"), ...Array<string>(2).fill("EAGAIN")].map((result) => [
        "lock",
        locker,
        result,
        false,
      ]),
    );
  });

  it("is on the page: its column, its events", async (t) => {
    const agent = await startAgent(t, ["--signals=lock", `--signals.path=${folder}`]);
    const response = await agent.get("/api/live?tail=1");
    assert.equal(response.status, 200);
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    const read = async (): Promise<void> => {
      for (let piece = await reader?.read(); piece?.done === false; piece = await reader?.read()) {
        text += piece.value;
      }
    };
    const reading = read();
    await eventually(() => assert.match(text, /event: frame/));
    await (await startLocks(t, 3, 2, 0)).go();
    await eventually(() => assert.match(text, /"signal":"lock"[^\n]*"result":"EAGAIN"/));
    // The program itself, and its child.
    await eventually(() => assert.match(text, /"totals":\{"locks":3,"locks_refused":0\}/));
    await eventually(() => assert.match(text, /"totals":\{"locks":2,"locks_refused":2\}/));
    await reader?.cancel();
    await reading;
  });

  it("comes in a package that is installed by npm, by the package's name", async (t) => {
    const project = outsideFolder(t);
    const options = { cwd: project, encoding: "utf8" } as const;
    const archive = execFileSync("npm", ["pack", folder, "--silent"], options).trim();
    writeFileSync(join(project, "package.json"), "{}");
    execFileSync("npm", ["install", "--offline", "--no-audit", "--no-fund", `./${archive}`], {
      ...options,
      stdio: "pipe",
    });
    assert(!existsSync(join(project, "node_modules/ringtap-signal-lock/signal.ts")));
    const inside = { prefix: ["env", "--chdir", project] };
    const agent = await startAgent(t, ["--signals=file,ringtap-signal-lock"], inside);
    await (await startLocks(t, 30, 10, 7)).go();
    const samples = await agent.scrape();
    assert.deepEqual(lockCounts(samples), { ok: 30, EAGAIN: 10, released: 7 });
    assert.equal(sum(samples, "ringtap_signal_up", { signal: "file" }), 1);
  });
});

describe("own signal with a handler of system calls", () => {
  const removals = `
#include <fcntl.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	for (int i = 0; i < 30; i++) {
		close(open(argv[1], O_WRONLY | O_CREAT, 0600));
		if (i % 3 == 0 ? unlinkat(AT_FDCWD, argv[1], 0) : unlink(argv[1]))
			return 1;
	}
	for (int i = 0; i < 7; i++)
		rmdir(argv[1]);
	return argc != 2;
}`;

  it("counts the calls that it names, exactly, and is checked", async (t) => {
    const folder = join(outsideFolder(t), "removals");
    const example = join(checkout, "docs/examples/signal-removals");
    cpSync(example, folder, { recursive: true });
    await build(t, folder);
    assert.equal(readFileSync(join(folder, "records.ts"), "utf8"), readFileSync(join(example, "records.ts"), "utf8"));
    const { stdout } = await runRingtap(t, ["signal", "check", folder]);
    assert.match(stdout, /^program removals_exit +ok +tp_btf\/sys_exit/m);
    assert.match(stdout, /^signal removals +ok +1 attached: removals_exit$/m);
    const agent = await startAgent(t, [`--signals.path=${folder}`, ...unlimitedSeries]);
    await runProgram(compileProgram("removes", removals), [scratch("removed")]);
    const samples = await agent.scrape();
    const counts = ["ok", "ENOENT", ""].map((result) =>
      sum(samples, "file_removals_total", { comm: "removes", ...(result !== "" && { result }) }),
    );
    assert.deepEqual(counts, [30, 7, 37]);
    assert.equal(sum(samples, "ringtap_file_opens_total", { comm: "removes", result: "ok" }) >= 30, true);
    const [produced = 0, consumed = 0, dropped = 0] = eventCounts(samples, "removals");
    assert.equal(produced, consumed + dropped);
  });
});

const opens = programSource("file-opens");

describe("the built-in file, copied as a user's own", () => {
  const scope = suiteScope();
  let folder = "";

  before(async () => {
    folder = join(outsideFolder(scope), "file2");
    mkdirSync(folder);
    cpSync(join(checkout, "bpf/file"), folder, { recursive: true });
    renameSync(join(folder, "file.bpf.c"), join(folder, "file2.bpf.c"));
    cpSync(join(checkout, "src/signals/file"), folder, { recursive: true });
    rmSync(join(folder, "records.ts"));
    writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
    edit(join(folder, "signal.ts"), '"file"', '"file2"');
    edit(join(folder, "signal.ts"), "ringtap_file_opens", "file2_opens");
    edit(join(folder, "counts.ts"), "ringtap_file_opens", "file2_opens");
    edit(join(folder, "signal.ts"), 'key: "file_', 'key: "file2_');
    await build(scope, folder);
  });

  it("counts what the built-in one counts, exactly, by the same labels", async (t) => {
    const program = compileProgram("file-opens", opens);
    const agent = await startAgent(t, ["--signals=file,file2", `--signals.path=${folder}`, ...unlimitedSeries]);
    const waiting = await startWaiting(t, program, ["outcomes", outsideFolder(t)]);
    await waiting.go();
    const samples = await agent.scrape();
    const of = (metric: string): [string, number][] =>
      [...select(samples, metric, { comm: "file-opens" })]
        .map(([series, value]): [string, number] => [series.replace(metric, ""), value])
        .sort();
    const [builtIn, own] = [of("ringtap_file_opens_total"), of("file2_opens_total")];
    assert(builtIn.reduce((total, [, value]) => total + value, 0) >= 116);
    assert.deepEqual(own, builtIn);
  });
});
