/** Giving back memory that only a start needs. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";

import { native } from "../../../src/binding/native.js";
import { compile } from "./fixture.js";

/** Bytes of files that are resident in this process. */
function residentOfFiles(): number {
  return 1024 * Number(/^RssFile:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]);
}

test("trimming unmaps pages of program files, and all goes on as before", () => {
  const before = residentOfFiles();
  native.trimMemory();
  const after = residentOfFiles();
  assert(after < 0.7 * before, `${after} of ${before} bytes are resident`);

  // Code that has been relocated, of libraries too, data that was written, and what has not run yet.
  const text = "what was there\n".repeat(10_000);
  assert.equal(gunzipSync(gzipSync(text)).toString(), text);
  assert.equal(createHash("sha256").update("abc").digest("hex").slice(0, 8), "ba7816bf");
  const object = native.open(compile("ring"));
  object.load();
  object.attach("on_enter");
  object.close();
  native.trimMemory();
  assert.equal(new Intl.NumberFormat("en").format(1_000), "1,000");
});

/** What a process has in memory once it has used 40 MB in blocks of a megabyte, after one of 30 MB, and keeps some small ones that came last. */
const user = `
  const { native } = await import(${JSON.stringify(new URL("../../../src/binding/native.js", import.meta.url).href)});
  const { readFileSync } = await import("node:fs");
  const { setTimeout } = await import("node:timers/promises");
  if (process.argv[1] === "little") native.keepLittleFree();
  const megabytes = (count) => new Uint8Array(count * 2 ** 20).fill(1);
  const collect = async () => { for (let turn = 0; turn < 3; turn++) { gc(); await setTimeout(20); } };
  let blocks = [megabytes(30)];
  blocks = [];
  await collect();
  blocks = Array.from({ length: 40 }, () => megabytes(1));
  const small = Array.from({ length: 10 }, () => Buffer.allocUnsafeSlow(50_000).fill(1));
  blocks = [];
  await collect();
  console.log(/^RssAnon:\\s+(\\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))[1], small.length);`;

test("free memory is given back, whatever was in use before", () => {
  const residentOf = (kept: string): number => {
    const args = ["--expose-gc", "--input-type=module", "--eval", user, kept];
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
    assert.equal(stderr, "");
    return 1024 * parseInt(stdout, 10);
  };
  const [all, little] = [residentOf("all"), residentOf("little")];
  assert(little < all - 30 * 2 ** 20, `${little} bytes are resident, ${all} without`);
});
