/** Giving back memory that only a start needs. */
import assert from "node:assert/strict";
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
