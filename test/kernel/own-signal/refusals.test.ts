/** Signals of users' own that are refused, and why: one line, and no stack. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it, type TestContext } from "node:test";

import { startAgent } from "../support/agent.js";
import { builtExample, edit, outsideFolder } from "../support/signal-folder.js";
import { runRingtap } from "../support/ringtap.js";
import { sum } from "../support/samples.js";
import { suiteScope } from "../support/scope.js";

describe("own signal, refused", () => {
  const scope = suiteScope();
  let built = "";

  before(async () => {
    built = await builtExample(scope);
  });

  function copy(t: TestContext): string {
    const folder = join(outsideFolder(t), "lock");
    cpSync(built, folder, { recursive: true });
    return folder;
  }

  /** `run` does not start: one line that says why. */
  async function refuses(t: TestContext, folder: string, reason: RegExp, ...flags: readonly string[]): Promise<void> {
    const { status, stdout, stderr } = await runRingtap(t, ["run", `--signals.path=${folder}`, ...flags]);
    assert.equal(stdout, "");
    assert.match(stderr, reason);
    assert.equal(stderr.split("\n").length, 2, stderr);
    assert.equal(status, 2);
  }

  const spoiled: Readonly<Record<string, readonly [change: (folder: string) => void, reason: RegExp]>> = {
    "whose module everyone can write": [
      (folder) => chmodSync(join(folder, "dist/signal.js"), 0o666),
      /--signals\.path ".*": .*dist\/signal\.js is writable by everyone: it must belong to root/,
    ],
    "whose module's group can write it": [
      (folder) => chmodSync(join(folder, "dist/signal.js"), 0o664),
      /dist\/signal\.js is writable by its group/,
    ],
    "whose object is another user's": [
      (folder) => chownSync(join(folder, `dist/${process.arch}/lock.bpf.o`), 12345, 0),
      /lock\.bpf\.o belongs to the user 12345/,
    ],
    "whose folder others can write": [
      (folder) => chmodSync(join(folder, "dist"), 0o777),
      /dist is writable by everyone/,
    ],
    "below a folder that others can write": [
      (folder) => chmodSync(join(folder, ".."), 0o777),
      /ringtap-own-\w+ is writable by everyone/,
    ],
    "with a link out of its folder": [
      (folder) => {
        rmSync(join(folder, "dist/signal.js"));
        symlinkSync(join(built, "dist/signal.js"), join(folder, "dist/signal.js"));
      },
      /dist\/signal\.js is a link out of the folder, to /,
    ],
    "that imports what others can write": [
      (folder) => {
        const outside = join(folder, "../helper");
        mkdirSync(outside);
        writeFileSync(join(outside, "helper.js"), "export {};");
        chmodSync(join(outside, "helper.js"), 0o666);
        writeFileSync(join(outside, "package.json"), '{"type":"module"}');
        edit(
          join(folder, "dist/signal.js"),
          'from "./records.js";',
          'from "./records.js"; import "../../helper/helper.js";',
        );
      },
      /helper\.js is writable by everyone/,
    ],
    "of another api": [
      (folder) => edit(join(folder, "dist/signal.js"), "api: 1", "api: 2"),
      /signal\.js: api: 2: this ringtap runs/,
    ],
    "without a name": [
      (folder) => edit(join(folder, "dist/signal.js"), 'name: "lock"', 'name: "Lock!"'),
      /signal\.js: name: "Lock!": want a lower-case letter/,
    ],
    "with a built-in signal's name": [
      (folder) => edit(join(folder, "dist/signal.js"), 'name: "lock"', 'name: "tcp"'),
      /there is a signal tcp already/,
    ],
    "with another signal's column": [
      (folder) => edit(join(folder, "dist/signal.js"), 'key: "locks"', 'key: "file_opens"'),
      /views: the key "file_opens" is one of the signal file/,
    ],
    "with a flag that is none": [
      (folder) =>
        edit(
          join(folder, "dist/signal.js"),
          'failuresOnly: inTrace(toggle("failures-only"',
          'failuresOnly: inTrace(toggle("Failures"',
        ),
      /flag failuresOnly: its name "Failures": want lower-case words/,
    ],
    "that throws when it is imported": [
      (folder) => writeFileSync(join(folder, "dist/signal.js"), "null.x;"),
      /signal\.js: Cannot read properties of null/,
    ],
    "that loops when it is imported": [
      (folder) => writeFileSync(join(folder, "dist/signal.js"), "for (;;);"),
      /^ringtap: --signals\.path ".*": .*dist\/signal\.js: is not loaded after 10 s: its code does not come to an end: does it loop for ever\?$/m,
    ],
    "that awaits what does not come": [
      (folder) => writeFileSync(join(folder, "dist/signal.js"), "await new Promise(() => {});"),
      /dist\/signal\.js: is not loaded after 10 s: what it awaits at its top level does not come$/m,
    ],
    "that exports none": [
      (folder) => writeFileSync(join(folder, "dist/signal.js"), "export const a = 1;"),
      /exports no signal/,
    ],
    "that exports a promise": [
      (folder) => writeFileSync(join(folder, "dist/signal.js"), "export default Promise.resolve({ api: 1 });"),
      /signal\.js: exports a promise: want one signal, `export default` of what tracepoint\(…\) or defineSignal\(…\) returns/,
    ],
    "that exports a list": [
      (folder) => writeFileSync(join(folder, "dist/signal.js"), "export default [{ api: 1 }];"),
      /signal\.js: exports a list: want one signal/,
    ],
    "whose module is a FIFO": [
      (folder) => {
        rmSync(join(folder, "dist/signal.js"));
        execFileSync("mkfifo", ["-m", "644", join(folder, "dist/signal.js")]);
      },
      /dist\/signal\.js is a FIFO: a signal's folder may have files, folders and links only, so remove it$/m,
    ],
    "whose object is a device": [
      (folder) => {
        const object = join(folder, `dist/${process.arch}/lock.bpf.o`);
        rmSync(object);
        execFileSync("mknod", ["-m", "644", object, "c", "1", "5"]);
      },
      /lock\.bpf\.o is a device: /,
    ],
    "whose object is a folder": [
      (folder) => {
        rmSync(join(folder, `dist/${process.arch}/lock.bpf.o`));
        mkdirSync(join(folder, `dist/${process.arch}/lock.bpf.o`));
      },
      /lock\.bpf\.o is no file/,
    ],
    "whose package.json is no object": [
      (folder) => writeFileSync(join(folder, "package.json"), "null"),
      /package\.json: expected an object such as/,
    ],
    "whose validate throws": [
      (folder) =>
        edit(
          join(folder, "dist/signal.js"),
          "export default defineSignal({",
          "export default defineSignal({ validate() { throw new TypeError('not today') },",
        ),
      /^ringtap: signal lock: validate: not today$/m,
    ],
    "that is not built": [(folder) => rmSync(join(folder, "dist"), { recursive: true }), /run ringtap signal build/],
    "whose object is missing": [
      (folder) => rmSync(join(folder, `dist/${process.arch}`), { recursive: true }),
      /its object .*lock\.bpf\.o does not exist/,
    ],
  };
  for (const [what, [change, reason]] of Object.entries(spoiled)) {
    it(`refuses one ${what}`, async (t) => {
      const folder = copy(t);
      change(folder);
      await refuses(t, folder, reason);
    });
  }

  it("refuses a second one of a name, from another folder", async (t) => {
    const [one, two] = [copy(t), copy(t)];
    await refuses(
      t,
      two,
      /--signals\.path ".*": .*signal\.js: there is a signal lock already, of \//,
      `--signals.path=${one}`,
    );
  });

  it("refuses one whose flag is called as one of ringtap's own", async (t) => {
    const folder = copy(t);
    const module = join(folder, "dist/signal.js");
    writeFileSync(
      module,
      readFileSync(module, "utf8").replace('name: "lock"', 'name: "log"').replace('"failures-only"', '"level"'),
    );
    await refuses(t, folder, /its flag --log\.level is one of ringtap's own/);
  });

  it("refuses values of its flags, and flags that it has not", async (t) => {
    await refuses(t, built, /unknown option '--lock\.nothing/, "--lock.nothing=1");
    await refuses(t, built, /--series-limit "x"/, "--series-limit=x");
    await refuses(t, join(built, "nothing"), /nothing is not a folder/);
    await refuses(t, "", /--signals\.path "": expected a folder$/m);
    const { status, stderr } = await runRingtap(t, ["run", "--signals=nothing-at-all"]);
    assert.equal(status, 2);
    assert.match(
      stderr,
      /--signals "nothing-at-all": expected one of .*, the name of an installed npm package, or a signal of a folder that --signals\.path names/,
    );
  });

  it("does without one that throws in start, like a built-in one that does not load", async (t) => {
    const folder = copy(t);
    edit(join(folder, "dist/signal.js"), "const result =", "throw new TypeError('not today'); const result =");
    const agent = await startAgent(t, ["--signals=file,lock", `--signals.path=${folder}`]);
    const samples = await agent.scrape();
    assert.equal(sum(samples, "ringtap_signal_up", { signal: "lock" }), 0);
    assert.equal(sum(samples, "ringtap_signal_up", { signal: "file" }), 1);
    assert.match(agent.stderr, /msg="signal left out".*start: not today/);
    assert.doesNotMatch(agent.stderr, /^\s+at /m);
    assert.match(await (await agent.get("/readyz")).text(), /^lock: down \(.*start: not today\)$/m);
    // A build that works takes its place.
    cpSync(join(built, "dist/signal.js"), join(folder, "dist/signal.js"));
    await agent.said(/msg="signal replaced"/);
    assert.equal(sum(await agent.scrape(), "ringtap_signal_up", { signal: "lock" }), 1);
  });

  it("does without one whose metric's name is taken", async (t) => {
    const folder = copy(t);
    edit(join(folder, "dist/signal.js"), '"record_locks_total"', '"ringtap_file_opens_total"');
    const agent = await startAgent(t, ["--signals=file,lock", `--signals.path=${folder}`]);
    assert.match(agent.stderr, /msg="signal left out".*metric \\?"ringtap_file_opens_total\\?": declared twice/);
  });

  it("logs in every command what its timers and promises throw, and is not kept waiting by them", async (t) => {
    const folder = copy(t);
    edit(
      join(folder, "dist/signal.js"),
      "const result =",
      "setInterval(() => undefined, 1000); void Promise.reject(new TypeError('floating')); const result =",
    );
    const path = `--signals.path=${folder}`;
    for (const args of [
      ["signal", "check", folder],
      ["check", path],
      ["trace", "lock", path, "--duration=10ms"],
      ["top", "--once", "--interval=100ms", path],
    ]) {
      const { status, stderr } = await runRingtap(t, args);
      assert.match(
        stderr,
        /level=error msg="the signal has failed" signal=lock err="outside of any call of its interface: floating"/,
        args.join(" "),
      );
      assert.doesNotMatch(stderr, /^\s+at /m);
      assert.equal(status, 0, `${args.join(" ")}: ${stderr}`);
    }
  });

  it("logs what its modules throw while they are loaded, too", async (t) => {
    const folder = copy(t);
    const module = join(folder, "dist/signal.js");
    const early =
      "setImmediate(() => { throw new TypeError('early'); }); await new Promise((end) => setTimeout(end, 50));";
    writeFileSync(module, `${early}\n${readFileSync(module, "utf8")}`);
    for (const args of [
      ["check", `--signals.path=${folder}`],
      ["signal", "check", folder],
    ]) {
      const { status, stderr } = await runRingtap(t, args);
      assert.match(
        stderr,
        /level=error msg="the signal has failed" folder=\S+ err="outside of .*: early"/,
        args.join(" "),
      );
      assert.doesNotMatch(stderr, /^\s+at /m);
      assert.equal(status, 0, stderr);
    }
  });

  it("comes by the name of a package in a scope, and by no path", async (t) => {
    const project = outsideFolder(t);
    cpSync(built, join(project, "node_modules/@me/ringtap-signal-lock"), { recursive: true });
    const inside = { prefix: ["env", "--chdir", join(project, "node_modules")] };
    const run = async (name: string): Promise<string> =>
      (await runRingtap(t, ["run", `--signals=${name}`, "--lock.failures-onl"], inside)).stderr;
    assert.match(await run("@me/ringtap-signal-lock"), /unknown option '--lock\.failures-onl'.*failures-only/);
    for (const path of ["../node_modules/@me/ringtap-signal-lock", "@me/../@me/ringtap-signal-lock"]) {
      assert.match(await run(path), /^ringtap: unknown option '--lock\.failures-onl'\n$/);
    }
  });

  it("tells in check what is wrong with one, and exits with 1", async (t) => {
    const folder = copy(t);
    edit(join(folder, "dist/records.js"), "lock_event[64]", "lock_event[72]");
    const { status, stdout } = await runRingtap(t, ["signal", "check", folder]);
    assert.equal(status, 1);
    assert.match(stdout, /^signal lock +fail +loading signal lock: .*struct lock_event is not what this build/m);
  });
});
