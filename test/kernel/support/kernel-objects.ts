/** What the kernel holds of BPF. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

import { compileProgram } from "./program.js";

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

/**
 * Lists ids and opens nothing: a map of programs that is opened by its id, as bpftool does, in the moment after its last user has closed
 * it stays in the kernel for good (prog_array_map_clear(), kernel/bpf/arraymap.c, takes a reference for work that is under way already).
 */
const listing = `
#include <linux/bpf.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
static void list(const char *kind, int command)
{
	union bpf_attr attr = {};
	while (!syscall(SYS_bpf, command, &attr, sizeof(attr))) {
		printf("%s %u\\n", kind, attr.next_id);
		attr.start_id = attr.next_id;
	}
}
int main(void)
{
	list("prog", BPF_PROG_GET_NEXT_ID);
	list("map", BPF_MAP_GET_NEXT_ID);
	list("link", BPF_LINK_GET_NEXT_ID);
}`;

let lister: string | undefined;

/** All programs, maps and links in the kernel. */
function inKernel(): ReadonlySet<string> {
  lister ??= compileProgram("list-bpf", listing);
  return new Set(execFileSync(lister, { encoding: "utf8" }).trimEnd().split("\n"));
}

/** Which of `held` are still in the kernel: in use by somebody, attached or pinned. They go a moment after their last user. */
export function leftOf(held: ReadonlySet<string>): string[] {
  const present = inKernel();
  return [...held].filter((object) => present.has(object));
}
