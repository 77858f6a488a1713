/** Small C programs that do exactly what a test counts. */
import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const folder = mkdtempSync(join(tmpdir(), "ringtap-test-"));
process.on("exit", () => {
  rmSync(folder, { recursive: true, force: true });
});

/** A path in a folder that goes when the test's process ends. */
export function scratch(name: string): string {
  return join(folder, name);
}

/** The source of a program in test/kernel/programs/, such as `tcp-traffic`. */
export function programSource(name: string): string {
  return readFileSync(new URL(`../../../../test/kernel/programs/${name}.c`, import.meta.url), "utf8");
}

/** What programs name that x86-64 alone has; on other machines they do not get to it. */
const foreign = process.arch === "x64" ? [] : ["-DMAP_32BIT=0"];

/** Compiles a C program and returns its path; `name` is its comm, up to 15 bytes. Standard headers are for it to include. */
export function compileProgram(name: string, source: string, flags: readonly string[] = []): string {
  const path = scratch(name);
  const all = ["-xc", "-", "-O1", "-Wall", "-Werror", "-D_GNU_SOURCE", "-pthread", ...foreign, ...flags, "-o", path];
  execFileSync("gcc", all, { input: source, stdio: ["pipe", "inherit", "inherit"] });
  return path;
}

/** Runs a program to its end, which must be exit status 0. */
export async function runProgram(
  path: string,
  args: readonly string[] = [],
): Promise<{ pid: number; stdout: string; stderr: string }> {
  const running = promisify(execFile)(path, args);
  const { stdout, stderr } = await running;
  return { pid: running.child.pid ?? 0, stdout, stderr };
}
