/** `ringtap check` on the real thing: what it finds must be what `run` would meet. */
import assert from "node:assert/strict";
import { unlinkSync } from "node:fs";
import { release } from "node:os";
import { describe, test, type TestContext } from "node:test";

import type { Finding } from "../../../src/host/finding.js";
import { native } from "../../../src/binding/native.js";
import { signals } from "../../../src/signals/index.js";
import { copyBuild } from "../support/build-copy.js";
import { eventually } from "../support/eventually.js";
import { heldBy, leftOf } from "../support/kernel-objects.js";
import { onlyCapabilities, runRingtap, type RunOptions, startRingtap, unprivileged } from "../support/ringtap.js";

const names = signals.map(({ name }) => name);

/** Runs `ringtap check --output json`; returns its exit status and what it found, by the name of the check. */
async function check(
  t: TestContext,
  options: RunOptions = {},
): Promise<{ status: number | null; found: ReadonlyMap<string, Finding> }> {
  const { status, stdout, stderr } = await runRingtap(t, ["check", "--output=json"], options);
  assert.equal(stderr, "");
  const findings = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Finding);
  return { status, found: new Map(findings.map((finding) => [finding.check, finding])) };
}

/** The signals of which it says that they fail. */
function failing(found: ReadonlyMap<string, Finding>): string[] {
  return names.filter((name) => found.get(`signal ${name}`)?.status === "fail");
}

describe("as root", () => {
  test("everything that run needs is there", async (t) => {
    const { status, found } = await check(t);
    assert.equal(status, 0);
    for (const name of names) {
      assert.equal(found.get(`signal ${name}`)?.status, "ok", name);
    }
    for (const essential of ["BTF", "privileges", "ring buffer"]) {
      assert.equal(found.get(essential)?.status, "ok", essential);
    }
    assert(found.get("kernel")?.detail.includes(release()));
    assert.equal(found.get("libbpf")?.detail, native.libbpfVersion);
    assert.match(found.get("signal tcp")?.detail ?? "", /^tp_btf: .*\btcp_state\b/);
  });

  test("the table says the same", async (t) => {
    const { status, stdout, stderr } = await runRingtap(t, ["check"]);
    assert.deepEqual([status, stderr], [0, ""]);
    const lines = stdout.trimEnd().split("\n");
    for (const name of names) {
      assert(
        lines.some((line) => new RegExp(`^signal ${name} +ok +tp_btf`).test(line)),
        stdout,
      );
    }
  });

  test("nothing stays in the kernel", async (t) => {
    const child = startRingtap(t, ["check"]);
    const held = await eventually(() => {
      const objects = heldBy(child.pid);
      assert(objects.size > 0);
      return objects;
    });
    assert.equal((await child.exited).status, 0);
    await eventually(() => {
      assert.deepEqual(leftOf(held), []);
    });
  });
});

describe("with privileges missing", () => {
  test("it names them, says how to get them, and that nothing would work", async (t) => {
    const { status, found } = await check(t, { prefix: unprivileged });
    assert.equal(status, 2);
    assert.deepEqual(found.get("privileges"), {
      check: "privileges",
      status: "fail",
      detail: "uid 65534 lacks CAP_BPF and CAP_PERFMON",
      fix: "run it as root, with sudo, or grant it CAP_BPF and CAP_PERFMON (CAP_SYS_ADMIN includes both)",
    });
    assert.equal(found.get("signal tcp")?.detail, "not tried, for want of privileges");
    assert.deepEqual(failing(found), names);
  });

  test("one of two is not enough", async (t) => {
    const prefix = ["setpriv", "--reuid=65534", "--clear-groups", ...onlyCapabilities("dac_read_search", "bpf")];
    const { status, found } = await check(t, { prefix });
    assert.equal(status, 2);
    assert.equal(found.get("privileges")?.detail, "uid 65534 lacks CAP_PERFMON");
  });

  test("root of a user namespace has none", async (t) => {
    const { status, found } = await check(t, { prefix: ["unshare", "--user", "--map-root-user"] });
    assert.equal(status, 2);
    assert.equal(found.get("privileges")?.detail, "uid 0 lacks CAP_BPF and CAP_PERFMON in the initial user namespace");
  });
});

test("CAP_BPF and CAP_PERFMON are all it takes", async (t) => {
  const capabilities = onlyCapabilities("dac_read_search", "bpf", "perfmon");
  const { status, found } = await check(t, { prefix: ["setpriv", "--reuid=65534", "--clear-groups", ...capabilities] });
  assert.deepEqual(
    [...found.values()].filter((finding) => finding.status === "fail"),
    [],
  );
  assert.equal(status, 0);
});

test("one signal that does not load: run would do without it", async (t) => {
  const copy = copyBuild(t);
  unlinkSync(copy.object("file"));
  const { status, found } = await check(t, copy);
  assert.equal(status, 1);
  assert.deepEqual(failing(found), ["file"]);
  assert(found.get("signal file")?.detail.includes(`opening ${copy.object("file")}: No such file`));
});

test("no type information: nothing would work", async (t) => {
  const prefix = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /sys/kernel/btf && exec "$@"', "sh"];
  const { status, found } = await check(t, { prefix });
  assert.equal(status, 2);
  assert.match(found.get("BTF")?.fix ?? "", /CONFIG_DEBUG_INFO_BTF=y/);
  assert.equal(found.get("signal tcp")?.detail, "not tried, for want of BTF");
});

test("no /proc that shows this process: nothing would work", async (t) => {
  const { status, found } = await check(t, {
    prefix: ["unshare", "--mount", "sh", "-c", 'umount --lazy /proc && exec "$@"', "sh"],
  });
  assert.equal(status, 2);
  assert.equal(found.get("/proc")?.fix, "mount -t proc proc /proc");
  assert.equal(found.get("signal tcp")?.detail, "not tried, for want of /proc");
});

test("in a pid namespace of its own it warns, and works", async (t) => {
  const { status, found } = await check(t, { prefix: ["unshare", "--pid", "--fork"] });
  assert.equal(status, 0);
  assert.equal(found.get("pid namespace")?.status, "warn");
});
