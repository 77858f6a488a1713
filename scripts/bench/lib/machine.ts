/** What the figures were measured on. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { native } from "../../../src/binding/native.js";

/** Where and when a run was made. Plain data: it is kept with the results. */
export interface Conditions {
  /** `YYYY-MM-DD`. */
  readonly date: string;
  /** The commit that was measured, abbreviated; `+` follows it when files had been changed since. */
  readonly commit: string;
  /** The load average of the last minute when the run began. */
  readonly load: string;
  /** Hardware, kernel and versions, a line each. */
  readonly machine: readonly string[];
}

function distribution(): string {
  return /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "unknown";
}

/** `root` is the checkout. The page itself, which a run before may have rewritten, is no change. */
function commitOf(root: string): string {
  const git = (...args: readonly string[]): string =>
    execFileSync("git", ["-C", root, ...args], { encoding: "utf8" }).trim();
  const changed = git("status", "--porcelain", "--", ".", ":(exclude)docs/benchmarks.md") !== "";
  return `${git("rev-parse", "--short", "HEAD")}${changed ? "+" : ""}`;
}

/** The conditions as they are now. */
export function conditionsNow(root: string): Conditions {
  const [load = ""] = readFileSync("/proc/loadavg", "utf8").split(" ");
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: commitOf(root),
    load,
    machine: [
      `${cpus().length} × ${cpus()[0]?.model.trim() ?? "unknown processor"}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.arch}`,
      `Linux ${release()}, ${distribution()}`,
      `Node ${process.versions.node} (V8 ${process.versions.v8}), libbpf ${native.libbpfVersion}`,
    ],
  };
}
