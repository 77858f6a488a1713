import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { lockdownFinding } from "../../src/host/features.js";
import { readHierarchy } from "../../src/host/cgroup-hierarchy.js";
import { cgroupFinding, tracefsFinding } from "../../src/host/mounts.js";
import { missingCapabilities } from "../../src/host/privileges.js";

describe("capabilities", () => {
  const initial = "         0          0 4294967295\n";
  const status = (capEff: string): string =>
    `Name:\tnode\nCapPrm:\tffffffffffffffff\nCapEff:\t${capEff}\nCapBnd:\tffff\n`;

  for (const [title, capEff, missing] of [
    ["root's", "000001ffffffffff", []],
    ["none", "0000000000000000", ["CAP_BPF", "CAP_PERFMON"]],
    ["CAP_BPF and CAP_PERFMON", "000000c000000000", []],
    ["CAP_BPF alone", "0000008000000000", ["CAP_PERFMON"]],
    ["CAP_PERFMON alone", "0000004000000000", ["CAP_BPF"]],
    ["CAP_SYS_ADMIN alone", "0000000000200000", []],
    ["all others", "0000013fffdfffff", ["CAP_BPF", "CAP_PERFMON"]],
  ] as const) {
    test(title, () => {
      assert.deepEqual(missingCapabilities(status(capEff), initial), missing);
    });
  }

  test("of a user namespace do not count", () => {
    assert.deepEqual(missingCapabilities(status("000001ffffffffff"), "0 1000 1\n"), ["CAP_BPF", "CAP_PERFMON"]);
  });
});

describe("lockdown", () => {
  for (const [text, canCast, status] of [
    ["[none] integrity confidentiality\n", false, "ok"],
    ["none [integrity] confidentiality\n", false, "ok"],
    ["none integrity [confidentiality]\n", true, "ok"],
    ["none integrity [confidentiality]\n", false, "fail"],
    ["none [paranoia]\n", true, "warn"],
  ] as const) {
    test(`${text.trim()}, ${canCast ? "with" : "without"} bpf_rdonly_cast()`, () => {
      assert.equal(lockdownFinding(text, canCast).status, status);
    });
  }
});

describe("mounts", () => {
  const v1 = "33 31 0:30 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n";
  const v2 = "35 24 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
  const tracefs = "40 24 0:12 / /sys/kernel/tracing rw shared:5 master:1 - tracefs tracefs rw\n";

  test("tell the cgroup mode", () => {
    assert.equal(cgroupFinding(v1).detail, "v1");
    assert.equal(cgroupFinding(v2).detail, "v2");
    assert.match(cgroupFinding(v1 + v2).detail, /^hybrid/);
    assert.equal(cgroupFinding(tracefs).detail, "none mounted");
  });

  test("tell by which hierarchy containers are known", () => {
    assert.equal(readHierarchy("0::/init.scope\n"), "unified");
    assert.equal(readHierarchy("9:name=systemd:/\n8:pids:/user.slice\n4:memory:/\n0::/\n"), "pids");
    assert.equal(readHierarchy("4:cpu,memory:/a:b\n1:name=systemd:/\n"), "memory");
  });

  test("tell where tracefs is", () => {
    assert.deepEqual(tracefsFinding(v2 + tracefs), { check: "tracefs", status: "ok", detail: "/sys/kernel/tracing" });
    assert.equal(tracefsFinding(v2).status, "warn");
  });
});
