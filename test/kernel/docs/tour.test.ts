/** docs/tour.md, command by command, as a newcomer would walk it: on loopback ports of a network namespace of its own. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { it } from "node:test";

import { readDocument } from "../../docs/documents.js";
import { networkNamespace } from "../support/network.js";

it("the tour can be walked", { timeout: 180_000 }, async (t) => {
  const blocks = Array.from(readDocument("docs/tour.md").matchAll(/^```sh\n(.*?)^```$/gms), ([, block = ""]) => block);
  assert(blocks.length > 5);
  const commands = mkdtempSync(join(tmpdir(), "ringtap-tour-"));
  t.after(() => {
    rmSync(commands, { recursive: true });
  });
  const [file = "", ...prefix] = networkNamespace(t).prefix;
  const script = ["set -euo pipefail", ...blocks].join("\n");
  const child = spawn(file, [...prefix, "bash", "-c", script], {
    stdio: ["ignore", "pipe", "pipe"],
    // What the tour installs is for it alone.
    env: { ...process.env, PATH: `${commands}/bin:${process.env.PATH ?? ""}`, npm_config_prefix: commands },
    detached: true,
  });
  t.after(() => {
    try {
      process.kill(-(child.pid ?? 0), "SIGKILL");
    } catch {
      // All of the walk has ended.
    }
  });
  const closed = once(child, "close") as Promise<[number | null]>;
  const [stdout, stderr, [status]] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
  assert.equal(status, 0, `${stdout}\n${stderr}`);
  for (const shown of [
    /^tcp: up \(tp_btf\)$/m,
    /refused, as it should be/,
    /^\d\d:\d\d:\d\d\.\d+ .*curl +connect /m,
    / PID COMM /,
    /result="established"\} => \d+/,
  ]) {
    assert.match(stdout, shown);
  }
});
