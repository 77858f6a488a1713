/** An installation whose addon does not fit this machine: one line that says so. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";

const checkout = fileURLToPath(new URL("../../../", import.meta.url));

/** Runs `ringtap --version` as the npm package installs it, with these bytes as the addons of architectures. */
function startPackaged(
  t: TestContext,
  addons: Readonly<Record<string, string>>,
): { status: number | null; stderr: string; folder: string } {
  const folder = mkdtempSync(join(tmpdir(), "ringtap-installed-"));
  t.after(() => {
    rmSync(folder, { recursive: true });
  });
  cpSync(join(checkout, "dist/src"), join(folder, "dist/src"), { recursive: true });
  cpSync(join(checkout, "package.json"), join(folder, "package.json"));
  symlinkSync(join(checkout, "node_modules"), join(folder, "node_modules"));
  for (const [architecture, content] of Object.entries(addons)) {
    const prebuilt = join(folder, "dist/prebuilt", architecture);
    mkdirSync(prebuilt, { recursive: true });
    writeFileSync(join(prebuilt, "ringtap.node"), content);
  }
  const { status, stderr } = spawnSync(process.execPath, [join(folder, "dist/src/cli/main.js"), "--version"], {
    encoding: "utf8",
  });
  return { status, stderr, folder };
}

test("no addon for this architecture: those that are there, and the way out", (t) => {
  const { status, stderr } = startPackaged(t, { pdp11: "", vax: "" });
  assert.equal(
    stderr,
    `ringtap: no native addon for ${process.arch}: this installation has it for pdp11, vax; ` +
      "on other machines, build ringtap from its sources (scripts/setup)\n",
  );
  assert.equal(status, 1);
});

test("code that a bundler has moved: what to leave out of the bundle", (t) => {
  const { status, stderr, folder } = startPackaged(t, {});
  const moved = join(folder, "dist/src/binding/installation.js");
  assert.equal(
    stderr,
    `ringtap: no files of ringtap beside ${moved}: a bundler has moved the code away from them; leave ringtap out of ` +
      "the bundle (external: ringtap) and install it beside, or, in a checkout, run scripts/setup\n",
  );
  assert.equal(status, 1);
});

test("an addon that cannot be loaded: its path, and what the loader says", (t) => {
  const { status, stderr, folder } = startPackaged(t, { [process.arch]: "not an addon" });
  const addon = join(folder, "dist/prebuilt", process.arch, "ringtap.node");
  assert.match(stderr, /^ringtap: .*file too short\n$/);
  assert(stderr.startsWith(`ringtap: loading ${addon}: `), stderr);
  assert.equal(status, 1);
});
