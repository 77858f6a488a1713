/** What the kernel holds of BPF. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

const kinds = ["prog", "map", "link"] as const;

/** The programs, maps and links that a process has open, as `prog 12`. */
export function heldBy(pid: number): ReadonlySet<string> {
  const folder = `/proc/${pid}/fdinfo`;
  const texts = readdirSync(folder).map((fd) => readIfThere(`${folder}/${fd}`));
  const lines = texts.join("\n").matchAll(/^(prog|map|link)_id:\s*(\d+)$/gm);
  return new Set(Array.from(lines, ([, kind = "", id = ""]) => `${kind} ${id}`));
}

/** Descriptors come and go while they are listed. */
function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** All programs, maps and links in the kernel. */
function inKernel(): ReadonlySet<string> {
  return new Set(kinds.flatMap((kind) => list(kind).map(({ id }) => `${kind} ${id}`)));
}

/** Which of `held` are still in the kernel: in use by somebody, attached or pinned. They go a moment after their last user. */
export function leftOf(held: ReadonlySet<string>): string[] {
  const present = inKernel();
  return [...held].filter((object) => present.has(object));
}

function list(kind: (typeof kinds)[number]): readonly { readonly id: number }[] {
  return JSON.parse(execFileSync("bpftool", ["-j", kind, "show"], { encoding: "utf8" })) as { id: number }[];
}
