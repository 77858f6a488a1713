/** The flags of an open as text. */
import assert from "node:assert/strict";
import { constants } from "node:fs";
import { describe, it } from "node:test";

import { openFlagsText } from "../../../src/signals/file/signal.js";

describe("openFlagsText", () => {
  const { O_WRONLY, O_RDWR, O_CREAT, O_TRUNC, O_SYNC, O_DSYNC, O_DIRECTORY } = constants;
  const oTmpfile = 0o20000000 | O_DIRECTORY;

  it("names the access mode and the flags", () => {
    assert.equal(openFlagsText(0), "O_RDONLY");
    assert.equal(openFlagsText(O_WRONLY | O_CREAT | O_TRUNC), "O_WRONLY|O_CREAT|O_TRUNC");
    assert.equal(openFlagsText(3), "O_ACCMODE");
    assert.equal(openFlagsText(0o2000000 | 0o10000000), "O_RDONLY|O_CLOEXEC|O_PATH");
  });

  it("does not name a flag that another contains", () => {
    assert.equal(openFlagsText(O_RDWR | oTmpfile), "O_RDWR|O_TMPFILE");
    assert.equal(openFlagsText(O_SYNC), "O_RDONLY|O_SYNC");
    assert.equal(openFlagsText(O_DSYNC), "O_RDONLY|O_DSYNC");
    assert.equal(openFlagsText(O_DIRECTORY), "O_RDONLY|O_DIRECTORY");
  });

  it("shows bits without a name, of 64", () => {
    assert.equal(openFlagsText(0x80000000), "O_RDONLY|0x80000000");
    assert.equal(openFlagsText(2 ** 40 + O_CREAT), "O_RDONLY|O_CREAT|0x10000000000");
  });
});
