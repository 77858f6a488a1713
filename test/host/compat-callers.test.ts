/** Which kernels run 32-bit programs. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";

import { hasCompatCallers } from "../../src/host/compat-callers.js";

it("a kernel runs 32-bit programs when its tasks have a member for them", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "ringtap-compat-"));
  t.after(() => {
    rmSync(folder, { recursive: true });
  });
  const types = join(folder, "vmlinux");
  const write = (...names: readonly string[]): void => {
    writeFileSync(types, `\x9f\xeb\0${names.join("\0")}\0`, "latin1");
  };
  write("task_struct", "robust_list", "compat_robust_list", "pi_lock");
  assert.equal(hasCompatCallers(types), true);
  write("task_struct", "robust_list", "my_compat_robust_list", "compat_robust_list_head");
  assert.equal(hasCompatCallers(types), false);
});
