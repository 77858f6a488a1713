/** Processes that live for a moment, and one that lives on: each connects so often that a test can count it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { compileProgram, runProgram } from "./program.js";
import type { Scope } from "./scope.js";

const source = new URL("../../../../test/kernel/programs/refused-connects.c", import.meta.url);

/** No one listens there. */
const closedPort = "1";

/** Compiles the program under a name, its comm. */
export function compileConnects(name: string): string {
  return compileProgram(name, readFileSync(source, "utf8"));
}

/** Runs so many processes, one after the other, each of which connects so often. */
export async function runShort(program: string, processes: number, connects: number): Promise<void> {
  await runProgram(program, [closedPort, `${processes}`, `${connects}`]);
}

/** Starts a process that lives until the scope ends. */
export function startLong(scope: Scope, program: string): { pid: number; connect: (times: number) => Promise<void> } {
  const child = spawn(program, [closedPort], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout });
  scope.after(async () => {
    child.stdin.end();
    await once(child, "exit");
  });
  return {
    pid: child.pid ?? 0,
    async connect(times) {
      const done = once(lines, "line");
      child.stdin.write(`${times}\n`);
      await done;
    },
  };
}
