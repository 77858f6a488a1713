import { spawnSync } from "node:child_process";

/** An exit code, and all that was said. */
export interface Finding {
  readonly status: number | null;
  readonly output: string;
}

/** Runs promtool. Throws when there is none. */
export function promtool(args: readonly string[], input = ""): Finding {
  const { status, stdout, stderr, error } = spawnSync("promtool", args, { input, encoding: "utf8" });
  if (error !== undefined) {
    throw error;
  }
  return { status, output: stdout + stderr };
}

/** Gives `promtool check metrics` a body. */
export function checkMetrics(body: string): Finding {
  return promtool(["check", "metrics"], body);
}

/** Gives `promtool check web-config` a file. */
export function checkWebConfig(path: string): Finding {
  return promtool(["check", "web-config", path]);
}
