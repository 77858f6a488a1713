/** The numbers of system calls that bpf/include/ringtap/syscall.h declares: a signal that selects calls by number forgets none. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { it } from "node:test";

const folder = new URL("../../../bpf/", import.meta.url);

/** The text between two lines of a source. */
function between(text: string, first: string, last: string): string {
  const [, after] = text.split(first);
  assert(after !== undefined, first);
  const [found = ""] = after.split(last);
  return found;
}

/** The programs of all signals, as an architecture compiles them. */
function programs(arch: "x86" | "arm64"): string {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.[ch]$/.test(name) && !name.startsWith("include/"))
    .map((name) => readFileSync(new URL(name, folder), "utf8"));
  const other = arch === "x86" ? "arm64" : "x86";
  return files.join("\n").replaceAll(new RegExp(`#if defined\\(__TARGET_ARCH_${other}\\)\n[^#]*#endif\n`, "g"), "");
}

const header = readFileSync(new URL("include/ringtap/syscall.h", folder), "utf8");
const [x86 = "", arm64 = ""] = between(header, "/* The numbers that signals select by", "/* Is the current task").split(
  "#else",
);

for (const [arch, declared] of [
  ["x86", x86],
  ["arm64", arm64],
] as const) {
  it(`are all selected by a program on ${arch}`, () => {
    const names = Array.from(declared.matchAll(/^\t((?:NR|COMPAT)_\w+) =/gm), ([, name = ""]) => name);
    assert(names.length > 10, `${names.length} numbers`);
    const text = programs(arch);
    // A native number selects a 32-bit caller's of the same value too, so only its last test names that.
    assert.deepEqual(
      names.filter((name) => !new RegExp(`case ${name}:`).test(text)),
      [],
    );
  });
}
