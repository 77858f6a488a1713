/** What docs/l7.md says of memory, against the entries of the object's maps. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

import { kinds } from "../../../src/bpf/btf-types.js";
import { Btf } from "../../../src/bpf/btf.js";

const object = fileURLToPath(new URL(`../../../src/signals/l7/${process.arch}/l7.bpf.o`, import.meta.url));
const page = readFileSync(new URL("../../../../docs/l7.md", import.meta.url), "utf8");

/**
 * What a hash map has of an entry besides its key and value: struct htab_elem (kernel/bpf/hashtab.c) and, since Linux 6.1, a struct
 * llist_node (kernel/bpf/memalloc.c).
 */
const entryBytes = 48 + 8;

/** The pieces that the kernel's memory comes in (kmalloc_info, mm/slab_common.c). */
const pieces = [64, 96, 128, 192, 256, 512, 1024, 2048];

const folder = mkdtempSync(join(tmpdir(), "ringtap-l7-memory-"));
after(() => rmSync(folder, { recursive: true }));

function readTypes(): Btf {
  const path = join(folder, "btf");
  const objcopy = execFileSync("scripts/build/find-clang", ["llvm-objcopy"], { encoding: "utf8" }).trim();
  execFileSync(objcopy, [`--dump-section=.BTF=${path}`, object, join(folder, "object")]);
  return Btf.read(path);
}

const btf = readTypes();

/** Bytes of a map's key or value, by the type of its variable: a struct of pointers to them. */
function sizeIn(map: string, part: "key" | "value"): number {
  const variable = btf.find(kinds.variable, map);
  const member = btf.type(btf.type(variable ?? 0).type).members.find(({ name }) => name === part);
  return btf.sizeOf(btf.type(member?.type ?? 0).type);
}

/** The bytes of memory that an entry of a hash map takes. */
function pieceOf(map: string): number {
  const bytes = entryBytes + Math.ceil(sizeIn(map, "key") / 8) * 8 + sizeIn(map, "value");
  return pieces.find((piece) => piece >= bytes) ?? Infinity;
}

/** By what the page has in its table: bytes of each, in the kernel. */
const expected: Readonly<Record<string, number>> = {
  connection: pieceOf("connections"),
  "stream of HTTP/2 that is open": pieceOf("streams"),
  "question of DNS over UDP that waits": pieceOf("questions"),
  "its name, with `--l7.dns.names`": pieceOf("question_names"),
  "line of requests": sizeIn("requests", "value"),
  "line of bytes": sizeIn("flows", "value"),
  "TLS connection, with `--l7.tls`": pieceOf("sessions"),
  "thread that has one": pieceOf("tls_threads"),
};

test("a connection takes no more than 512 bytes", () => {
  assert.equal(pieceOf("connections"), 512);
});

test("docs/l7.md says what each thing takes", () => {
  const [, section = ""] = /^## Memory$([^#]*)/m.exec(page) ?? [];
  const rows = Array.from(section.matchAll(/^\| ([^|]+) \| ([\d,]+) \|/gm), ([, what = "", bytes = ""]) => [
    what,
    Number(bytes.replaceAll(",", "")),
  ]);
  assert.deepEqual(Object.fromEntries(rows), expected);
});
