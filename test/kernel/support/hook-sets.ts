/** The hook sets of a signal: agents that have to do without the best one. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";

import { type BuildCopy, copyBuild } from "./build-copy.js";
import type { Scope } from "./scope.js";

/** What fexit programs of this machine's architecture ask for, and what no kernel has: of one length, so that nothing in an object moves. */
const functions = process.arch === "x64" ? ["__x64_sys_", "__x64_nos_"] : ["__arm64_sys_", "__arm64_nos_"];

/** Signals with a hook set of fexit programs. */
export const signalsWithFexit = ["tcp", "file"] as const;

/** A build in which programs of these signals whose section begins with `from` ask for `to`, which is of the same length. */
function buildAsking(scope: Scope, signals: readonly string[], from: string, to: string): BuildCopy {
  const copy = copyBuild(scope);
  assert.equal(from.length, to.length);
  for (const signal of signals) {
    const object = readFileSync(copy.object(signal), "latin1");
    assert(object.includes(from), signal);
    writeFileSync(copy.object(signal), object.replaceAll(from, to), "latin1");
  }
  return copy;
}

/** A build whose fexit programs every kernel refuses. */
export function buildWithoutFexit(scope: Scope): BuildCopy {
  const [from, to] = functions.map((each) => `fexit/${each}`) as [string, string];
  return buildAsking(scope, signalsWithFexit, from, to);
}

/** A build whose l7 every kernel refuses the tracepoints within calls on sockets, as those before Linux 6.3 do. */
export function buildWithoutSockets(scope: Scope): BuildCopy {
  return buildAsking(scope, ["l7"], "tp_btf/sock_send_", "tp_btf/sock_sent_");
}
