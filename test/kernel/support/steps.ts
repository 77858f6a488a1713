/** Programs that do one thing for each line of their standard input, and answer each with a line. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

import type { Scope } from "./scope.js";

/** A program that waits for its next step. */
export interface Steps {
  readonly pid: number;
  /** Has it do something; returns what it says of it. */
  step(what: string): Promise<string>;
  /** Ends it. */
  end(): Promise<void>;
}

/** Starts a program, which is killed when the scope ends. */
export function startSteps(scope: Scope, path: string, args: readonly string[] = []): Steps {
  const child = spawn(path, args, { stdio: ["pipe", "pipe", "inherit"] });
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const end = async (): Promise<void> => {
    child.kill("SIGKILL");
    await closed;
  };
  scope.after(end);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    pid: child.pid ?? 0,
    async step(what) {
      child.stdin.write(`${what}\n`);
      const line: IteratorResult<string, unknown> = await lines.next();
      if (line.done === true) {
        throw new Error(`${path} ended at ${what}`);
      }
      return line.value;
    },
    end,
  };
}
