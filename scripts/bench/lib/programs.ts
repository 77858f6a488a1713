/** Running programs to their end, on a core of their own. */
import { execFile } from "node:child_process";
import { cpus } from "node:os";
import { promisify } from "node:util";

const execute = promisify(execFile);

/** Where tracers and agents run. */
export const agentCpu = 0;

/** Where the load runs: another core, if there is one. */
export const loadCpu = cpus().length - 1;

/** A command line that keeps to one CPU. */
export function onCpu(cpu: number, ...command: readonly string[]): string[] {
  return ["taskset", "--cpu-list", cpu.toString(), ...command];
}

/** Runs a command to its end and returns what it printed. Throws when it fails. */
export async function run(...[file = "", ...args]: readonly string[]): Promise<string> {
  const { stdout } = await execute(file, args, { maxBuffer: Infinity });
  return stdout;
}

/** Runs a command that prints numbers only, and returns them. */
export async function runForNumbers(...command: readonly string[]): Promise<number[]> {
  const words = (await run(...command)).trim().split(/\s+/);
  const numbers = words.map(Number);
  if (numbers.some(Number.isNaN)) {
    throw new Error(`${command.join(" ")}: expected numbers, got ${words.join(" ")}`);
  }
  return numbers;
}
