/** Files whose pages can leave memory, as those of a tmpfs cannot without swap. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Scope } from "./scope.js";

/** TMPFS_MAGIC of include/uapi/linux/magic.h. */
const tmpfs = 0x01021994;

/**
 * A path on a disk, which goes with the scope. In a guest of scripts/vm/vmtest that is in $OUT, a folder of its host's: all else that is
 * written there is in the guest's memory.
 */
export function onDisk(scope: Scope, name: string): string {
  const { OUT } = process.env;
  const parent = [...(OUT === undefined ? [] : [OUT]), tmpdir(), "/var/tmp"].find(
    (folder) => statfsSync(folder).type !== tmpfs,
  );
  assert(parent !== undefined, "/tmp and /var/tmp are both tmpfs: set TMPDIR to a folder on a disk");
  const folder = mkdtempSync(join(parent, "ringtap-disk-"));
  scope.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, name);
}
