import assert from "node:assert/strict";
import { it } from "node:test";

import { unixNameText } from "../../../src/signals/l7/unix.js";

function named(text: string): string {
  const bytes = new Uint8Array(112);
  bytes.set(Buffer.from(text));
  return unixNameText(bytes);
}

it("a Unix socket's name is its path, or, of an abstract one, begins with @", () => {
  assert.equal(named("/run/postgresql/.s.PGSQL.5432"), "/run/postgresql/.s.PGSQL.5432");
  assert.equal(named("\0docker"), "@docker");
  assert.equal(named("\0a\0b"), "@a@b");
  // A path ends with its first zero byte, whatever the caller said of its length.
  assert.equal(named("/run/x\0rest"), "/run/x");
  assert.equal(named("x".repeat(112)), "x".repeat(112));
});
