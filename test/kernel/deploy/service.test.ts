/** The systemd unit: what systemd says of it, and the agent under its restrictions. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { before, describe, it } from "node:test";

import { startAgent } from "../support/agent.js";
import { assertCounts } from "../support/counting.js";
import { runRingtap } from "../support/ringtap.js";
import { confinedMain, confinement, unitFile } from "../support/service-unit.js";

/** What `systemd-analyze security` may find at most, of 100: 10 is "safe", 20 "OK", 50 "medium". */
const exposure = 20;

describe("systemd unit", () => {
  it("is correct", () => {
    // It wants the command that the unit starts to be there, and executable.
    const install = 'mount -t tmpfs programs /usr/local/bin; ln -s "$1" /usr/local/bin/ringtap; shift; exec "$@"';
    const verify = ["systemd-analyze", "verify", "--man=no", unitFile];
    const inside = ["--mount", "sh", "-euc", install, "sh", process.execPath, ...verify];
    const { status, stderr } = spawnSync("unshare", inside, { encoding: "utf8" });
    assert.equal(stderr, "");
    assert.equal(status, 0);
  });

  it("leaves little exposed", () => {
    const analyse = ["security", "--offline=true", "--no-pager", `--threshold=${exposure}`, unitFile];
    const { status, stdout, stderr } = spawnSync("systemd-analyze", analyse, { encoding: "utf8" });
    assert.equal(status, 0, stdout.split("\n").slice(-3).join("\n") + stderr);
  });
});

describe("under the restrictions of the systemd unit", () => {
  let prefix: string[];

  before(() => {
    prefix = confinement();
  });

  it("nothing can be written, nobody's home be seen, no other socket be made", () => {
    const [file = "", ...args] = prefix;
    const refused = (...command: readonly string[]): string =>
      spawnSync(file, [...args, ...command], { encoding: "utf8" }).stderr;
    assert.match(refused("touch", "/usr/x"), /Read-only file system/);
    assert.match(refused("ls", "/root"), /Permission denied/);
    assert.match(refused("sh", "-c", "echo 1 > /proc/sys/kernel/panic"), /Read-only file system|Permission denied/);
    assert.match(refused("sh", "-c", "touch /tmp/x; chown 65534 /tmp/x"), /Operation not permitted/);
    assert.match(refused("ip", "link"), /Operation not permitted/);
    assert.equal(execFileSync(file, [...args, "sh", "-c", "touch /tmp/x && ls /tmp"], { encoding: "utf8" }), "x\n");
  });

  it("check finds that all works", async (t) => {
    const { status, stdout, stderr } = await runRingtap(t, ["check"], { prefix, main: confinedMain });
    assert.equal(stderr, "");
    assert.equal(status, 0, stdout);
    assert.match(stdout, /^privileges +ok +uid 65534, CAP_BPF and CAP_PERFMON$/m);
  });

  it("a filter without bpf(2) is told from missing privileges", async (t) => {
    const options = { prefix: confinement(["bpf"]), main: confinedMain };
    const run = await runRingtap(t, ["run"], options);
    assert.match(run.stderr, /^ringtap: a seccomp filter refuses bpf\(2\): allow bpf in the seccomp profile .*\n$/);
    assert.equal(run.status, 1);
    const check = await runRingtap(t, ["check"], options);
    assert.match(check.stdout, /^seccomp +fail +a seccomp filter refuses bpf\(2\)$/m);
    assert.deepEqual([check.status, check.stderr], [2, ""]);
  });

  it("run counts events", async (t) => {
    const agent = await startAgent(t, [], { prefix, main: confinedMain });
    await assertCounts(agent);
  });
});
