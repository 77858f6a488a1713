import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { readTextFile } from "../../src/config/text-file.js";

const folder = mkdtempSync(join(tmpdir(), "ringtap-text-"));
after(() => {
  rmSync(folder, { recursive: true });
});

function written(content: string | Buffer): string {
  const path = join(folder, "file");
  writeFileSync(path, content);
  return path;
}

test("a file is read whole, up to 1 MiB", () => {
  assert.equal(readTextFile(written("")), "");
  assert.equal(readTextFile(written("näh\n")), "näh\n");
  assert.equal(readTextFile(written("a".repeat(2 ** 20))).length, 2 ** 20);
  assert.throws(() => readTextFile(written("a".repeat(2 ** 20 + 1))), { message: "larger than 1 MiB" });
  assert.throws(() => readTextFile("/dev/zero"), { message: "larger than 1 MiB" });
});

test("what cannot be read says why", () => {
  assert.throws(() => readTextFile(written(Buffer.from([0x61, 0xff]))), { message: "expected text in UTF-8" });
  assert.throws(() => readTextFile(join(folder, "gone")), { message: "no such file or directory" });
  assert.throws(() => readTextFile(folder), { message: "illegal operation on a directory" });
});
