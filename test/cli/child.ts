import { spawnSync } from "node:child_process";

/** Runs an ES module given as text, in which `import("src/…")` finds this build's `src/`. */
export function runModule(source: string, args: readonly string[] = []): { status: number | null; stderr: string } {
  const folder = new URL("../../src/", import.meta.url).href;
  const module = source.replaceAll('"src/', `"${folder}`);
  const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", module, "--", ...args], {
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  return { status, stderr };
}
