/** A client that asks a server without end. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";

import { eventually } from "./eventually.js";
import type { Scope } from "./scope.js";

/** Starts it; resolves once the server, of whose requests `count` tells how many it has answered, has answered some hundreds more. */
export async function startBusyClient(
  owner: Scope,
  program: string,
  args: readonly string[],
  count: () => number | Promise<number>,
) {
  const earlier = await count();
  const child = spawn(program, args, { stdio: "ignore" });
  const closed = new Promise((resolve) => child.once("close", resolve));
  owner.after(() => child.kill("SIGKILL"));
  await eventually(async () => {
    assert((await count()) > earlier + 500);
  });
  /** Ends it at once; resolves when it has ended. */
  const kill = (): Promise<unknown> => {
    child.kill("SIGKILL");
    return closed;
  };
  return { pid: child.pid ?? 0, kill };
}
