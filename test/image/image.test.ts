/** The container image: what is in it, how large it is, and that a container of it counts events. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, describe, it } from "node:test";

import { assertCounts } from "../kernel/support/counting.js";
import { eventually } from "../kernel/support/eventually.js";
import { suiteScope } from "../kernel/support/scope.js";
import { confined, fetchedBytes, image, largest, podman, startContainer } from "./image.js";

const manifest = new URL("../../../package.json", import.meta.url);
const { version, description } = JSON.parse(readFileSync(manifest, "utf8")) as Record<string, string>;

/** Podman's filter of system calls, with bpf(2) allowed: newer releases of Podman allow it to processes with CAP_BPF. */
function filterWithBpf(): object {
  interface Rule {
    names: string[];
    action: string;
  }
  const filter = JSON.parse(readFileSync("/usr/share/containers/seccomp.json", "utf8")) as { syscalls: Rule[] };
  for (const rule of filter.syscalls) {
    rule.names = rule.names.filter((name) => name !== "bpf");
  }
  filter.syscalls.push({ names: ["bpf"], action: "SCMP_ACT_ALLOW" });
  return filter;
}

describe("image", () => {
  const scope = suiteScope();
  const folder = mkdtempSync(join(tmpdir(), "ringtap-image-"));
  const filter = join(folder, "seccomp.json");
  const options = [`--security-opt=seccomp=${filter}`];
  const revision = execFileSync("git", ["rev-parse", "HEAD"], { encoding: "utf8" }).trim();

  scope.after(() => {
    rmSync(folder, { recursive: true });
  });

  before(() => {
    writeFileSync(filter, JSON.stringify(filterWithBpf()));
  });

  it("is labelled as OCI asks", async () => {
    const labels = JSON.parse(await podman("inspect", "--format", "{{json .Labels}}", image)) as Record<string, string>;
    const ours = Object.entries(labels).filter(([name]) => name.startsWith("org.opencontainers.image."));
    assert.deepEqual(Object.fromEntries(ours.map(([name, value]) => [name.split(".").at(-1), value])), {
      title: "ringtap",
      description,
      licenses: "Apache-2.0 AND (GPL-2.0-only OR BSD-2-Clause)",
      version,
      revision,
    });
  });

  it("is small to fetch", (t) => {
    const size = fetchedBytes(scope, image);
    t.diagnostic(`${(size / 1e6).toFixed(1)} MB compressed`);
    assert(size < largest, `${size} bytes`);
  });

  it("holds only what runs", async () => {
    const archive = join(folder, "files.tar");
    const id = (await podman("create", image)).trim();
    await podman("export", "--output", archive, id);
    await podman("rm", id);
    const listed = execFileSync("tar", ["--list", "--file", archive], { encoding: "utf8", maxBuffer: 2 ** 26 });
    const files = listed.trim().split("\n");
    assert(files.includes("usr/local/lib/ringtap/dist/src/cli/main.js"));
    assert(files.includes("usr/local/share/sbom/ringtap.cdx.json"));
    assert(files.includes("var/lib/dpkg/status.d/libbpf1"));
    const unwanted =
      /(^|\/)(sh|bash|apt|npm|clang|gcc)$|\.(h|cc|ts|map)$|^src\/|^usr\/local\/lib\/ringtap\/(docs\/|\w+\.md$)|node_modules\/([^/]*\/test|typescript(-native)?|node-gyp)\//;
    assert.deepEqual(
      files.filter((path) => unwanted.test(path)),
      [],
    );
  });

  for (const [user, id] of [
    ["root", "0"],
    ["a user of its own", "65532"],
  ] as const) {
    it(`counts events as ${user}, with two capabilities and a read-only root`, async (t) => {
      const container = await startContainer(t, [...options, `--user=${id}:${id}`]);
      await eventually(() => container.checkHealth());
      await assertCounts(container);
      assert.equal(await container.stop(), 0, await container.logs());
    });
  }

  it("checks the machine", async () => {
    const report = await podman("run", "--rm", ...confined, ...options, image, "check");
    assert.match(report, /^pid namespace +ok +the host's$/m);
    assert.doesNotMatch(report, / fail /);
  });

  it("is ill when nothing serves where CMD would", async (t) => {
    const container = await startContainer(t, options, ["run", "--web.listen-address=127.0.0.1:19436"]);
    await eventually(async () => assert.match(await container.logs(), /127\.0\.0\.1:19436/));
    await assert.rejects(container.checkHealth());
  });
});
