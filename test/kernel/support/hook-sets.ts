/** The hook sets of a signal: an agent that has to do without fexit. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";

import { type BuildCopy, copyBuild } from "./build-copy.js";
import type { Scope } from "./scope.js";

/** What fexit programs of this machine's architecture ask for, and what no kernel has: of one length, so that nothing in an object moves. */
const functions = process.arch === "x64" ? ["__x64_sys_", "__x64_nos_"] : ["__arm64_sys_", "__arm64_nos_"];

/** Signals with a hook set of fexit programs. */
export const signalsWithFexit = ["tcp", "file"] as const;

/** A build whose fexit programs every kernel refuses. */
export function buildWithoutFexit(scope: Scope): BuildCopy {
  const copy = copyBuild(scope);
  const [from, to] = functions.map((each) => `fexit/${each}`) as [string, string];
  assert.equal(from.length, to.length);
  for (const signal of signalsWithFexit) {
    const object = readFileSync(copy.object(signal), "latin1");
    assert(object.includes(from), signal);
    writeFileSync(copy.object(signal), object.replaceAll(from, to), "latin1");
  }
  return copy;
}
