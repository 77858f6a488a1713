import { spawnSync } from "node:child_process";

/** Gives `promtool check metrics` a body; returns its exit code and all it had to say. */
export function checkMetrics(body: string): { status: number | null; output: string } {
  const { status, stdout, stderr, error } = spawnSync("promtool", ["check", "metrics"], {
    input: body,
    encoding: "utf8",
  });
  if (error !== undefined) {
    throw error;
  }
  return { status, output: stdout + stderr };
}
