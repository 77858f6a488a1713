/** What the figures were measured on. */
import { readFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { native } from "../../../src/kernel/native.js";

function distribution(): string {
  return /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "unknown";
}

/** Lines for the head of the page: hardware, kernel, versions, and how busy the machine was. */
export function describeMachine(): string[] {
  const [load = ""] = readFileSync("/proc/loadavg", "utf8").split(" ");
  return [
    `${cpus().length} × ${cpus()[0]?.model.trim() ?? "unknown processor"}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.arch}`,
    `Linux ${release()}, ${distribution()}`,
    `Node ${process.versions.node} (V8 ${process.versions.v8}), libbpf ${native.libbpfVersion}`,
    `load average when the run began: ${load}`,
  ];
}
