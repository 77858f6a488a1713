/** Where programs are to run in programs of Go: against objdump's reading of real ones, and with tables that lie. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, fstatSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";

import { arm64Function } from "../../../src/signals/l7/tls/arm64.js";
import { type ByteSource, Elf, ElfFault } from "../../../src/signals/l7/tls/elf.js";
import { goFunctions } from "../../../src/signals/l7/tls/go-functions.js";
import { chooseGoPlaces } from "../../../src/signals/l7/tls/go-places.js";
import { instructionAt } from "../../../src/signals/l7/tls/x86.js";

/** Debian's, without symbols: of Go 1.19. */
const caddy = "/usr/bin/caddy";
const onX86 = { skip: process.arch === "x64" ? false : "its instructions are those of x86-64" };

/** A file, how many bytes have been read of it, and how many at once; `change` may change what has been read. */
function fileSource(
  path: string,
  change: (bytes: Buffer, position: number) => void = () => undefined,
): ByteSource & { readBytes: number; largest: number; close(): void } {
  const file = openSync(path, "r");
  const { size } = fstatSync(file);
  const source = {
    size,
    readBytes: 0,
    largest: 0,
    read(position: number, length: number): Promise<Buffer> {
      if (position < 0 || length < 0 || position + length > size) {
        return Promise.reject(new ElfFault("it ends"));
      }
      const bytes = Buffer.alloc(length);
      readSync(file, bytes, 0, length, position);
      source.readBytes += length;
      source.largest = Math.max(source.largest, length);
      change(bytes, position);
      return Promise.resolve(bytes);
    },
    close: () => {
      closeSync(file);
    },
  };
  return source;
}

function readPart(path: string, position: number, length: number): Buffer {
  const file = openSync(path, "r");
  const bytes = Buffer.alloc(length);
  readSync(file, bytes, 0, length, position);
  closeSync(file);
  return bytes;
}

/** Instructions between two offsets in the file's code, as objdump has them: where each begins, and its text. */
function disassembled(path: string, from: number, end: number): Map<number, string> {
  const sections = execFileSync("objdump", ["-h", path], { encoding: "latin1" });
  const [, address = "", offset = ""] = / \.text +[0-9a-f]+ +([0-9a-f]+) +[0-9a-f]+ +([0-9a-f]+)/.exec(sections) ?? [];
  const shift = Number.parseInt(address, 16) - Number.parseInt(offset, 16);
  const range = [`--start-address=${from + shift}`, `--stop-address=${end + shift}`];
  const text = execFileSync("objdump", ["-d", "--no-show-raw-insn", ...range, path], {
    encoding: "latin1",
    maxBuffer: 2 ** 30,
  });
  return new Map(
    [...text.matchAll(/^ +([0-9a-f]+):\t(.*)$/gm)].map(([, at = "", instruction = ""]) => [
      Number.parseInt(at, 16) - shift,
      instruction,
    ]),
  );
}

describe("functions of Go", onX86, () => {
  it("are taken at their calls", async () => {
    const source = fileSource(caddy);
    const elf = await Elf.open(source);
    const places = (await chooseGoPlaces(elf)) ?? [];
    const functions = await goFunctions(elf, ["crypto/tls.(*Conn).Read", "crypto/tls.(*Conn).Write"]);
    const instructions = new Map<number, string>();
    for (const { offset, size } of [...(functions?.values() ?? [])].flat()) {
      for (const [at, instruction] of disassembled(caddy, offset, offset + size)) {
        instructions.set(at, instruction);
      }
    }
    source.close();
    const kinds = places.map(({ cookie }) => cookie & 7).sort();
    // Two handshakes, two calls of Write's, one of Read's.
    assert.deepEqual(kinds, [1, 1, 2, 2, 3]);
    for (const { name, offset } of places.filter(({ cookie }) => (cookie & 7) !== 1)) {
      assert.match(instructions.get(offset) ?? "none", /^call +[0-9a-f]/, name);
    }
    // The connection is kept where the function saves its first argument.
    const kept = ((places.find(({ cookie }) => (cookie & 7) === 3)?.cookie ?? 0) % 2 ** 30) >> 3;
    assert([...instructions.values()].some((text) => text.endsWith(`mov    %rax,0x${kept.toString(16)}(%rsp)`)));
  });

  it("are found where the table has no section of its own, as of a PIE that another linker has made", async () => {
    const header = readPart(caddy, 0, 64);
    const sections = Number(header.readBigUInt64LE(40));
    const headers = readPart(caddy, sections, header.readUInt16LE(60) * 64);
    const names = Number(headers.readBigUInt64LE(header.readUInt16LE(62) * 64 + 24));
    const text = readPart(caddy, names, 512);
    const renamed = text.indexOf(".note.gnu.property");
    for (let at = 0; at < headers.length; at += 64) {
      if (headers.readUInt32LE(at) === renamed) {
        headers.writeUInt32LE(0, at);
      }
      if (text.subarray(headers.readUInt32LE(at)).indexOf(".gopclntab\0") === 0) {
        headers.writeUInt32LE(renamed, at);
        headers.writeBigUInt64LE(headers.readBigUInt64LE(at + 24) - 4096n, at + 24);
        headers.writeBigUInt64LE(headers.readBigUInt64LE(at + 32) + 4096n, at + 32);
      }
    }
    text.write(".data.rel.ro\0", renamed, "latin1");
    const source = fileSource(caddy, (bytes, position) => {
      (position === sections ? headers : position === names ? text : bytes).copy(bytes);
    });
    assert.equal((await chooseGoPlaces(await Elf.open(source)))?.length, 5);
    source.close();
  });

  it("are none in what is no program of Go, or has no TLS", async () => {
    for (const path of ["/bin/sh", "/usr/sbin/runc"]) {
      const source = fileSource(path);
      assert.equal(await chooseGoPlaces(await Elf.open(source)), undefined, path);
      source.close();
    }
  });
});

describe("instructions of x86-64", () => {
  it("are as long as objdump says, in half a megabyte of Go's code", onX86, async () => {
    const source = fileSource(caddy);
    const text = await (await Elf.open(source)).section(".text");
    const [from, size] = [(text?.offset ?? 0) + 2 ** 21, 2 ** 19];
    const code = await source.read(from, size);
    source.close();
    const starts = [...disassembled(caddy, from, from + size).keys()];
    // The first ones may be the rest of another one, and the last one may be cut.
    const wrong = starts
      .slice(16, -16)
      .filter((at, n) => instructionAt(code, at - from)?.length !== (starts[n + 17] ?? 0) - at);
    assert.deepEqual(wrong, []);
    assert(starts.length > 50_000);
  });

  it("are not known where they are no instructions, or cut", () => {
    for (const bytes of [[], [0x06], [0xe8, 1, 2, 3], [0x66, 0xe8, 1, 2, 3, 4], [0x0f], [0x48], Array(20).fill(0x66)]) {
      assert.equal(instructionAt(Buffer.from(bytes as number[]), 0), undefined, bytes.join(" "));
    }
  });
});

/** What a compiler makes of instructions of arm64. */
describe("functions of Go on arm64", () => {
  const folder = mkdtempSync(join(tmpdir(), "ringtap-arm64-"));
  after(() => {
    rmSync(folder, { recursive: true });
  });

  function assembled(lines: readonly string[]): Buffer {
    const [source, object, code] = [`${folder}/code.s`, `${folder}/code.o`, `${folder}/code`];
    writeFileSync(source, [".text", ...lines, ""].join("\n"));
    const [clang, copy] = ["clang", "llvm-objcopy"].map((tool) =>
      execFileSync("scripts/build/find-clang", [tool], { encoding: "utf8" }).trim(),
    ) as [string, string];
    execFileSync(clang, ["--target=aarch64-linux-gnu", "-c", "-o", object, source]);
    execFileSync(copy, ["-O", "binary", "-j", ".text", object, code]);
    return readFileSync(code);
  }

  it("save their first argument behind their frame, and are walked to their end", () => {
    const small = assembled([
      ...["ldr x16, [x28, #16]", "cmp sp, x16", "b.ls 1f", "str x30, [sp, #-112]!", "stur x29, [sp, #-8]"],
      ...["sub x29, sp, #8", "str x0, [sp, #120]", "str x2, [sp, #136]", "bl 1f", "ldr x0, [sp, #120]"],
      ...["1: bl 2f", "ret", "2:"],
    ]);
    assert.deepEqual(arm64Function(small), {
      calls: [
        { at: 32, target: 40 },
        { at: 40, target: 48 },
      ],
      firstArgument: 120,
    });
    const large = assembled([
      ...["sub x20, sp, #512", "stp x29, x30, [x20, #-8]", "mov sp, x20", "sub x29, sp, #8", "str x0, [sp, #520]"],
      ...["str x1, [sp, #528]", "stp x3, x4, [sp, #48]", "strb wzr, [sp, #47]", "bl . - 8"],
    ]);
    assert.deepEqual(arm64Function(large), { calls: [{ at: 32, target: 24 }], firstArgument: 520 });
  });

  it("are not certain to keep it where something else is stored there", () => {
    const prologue = ["str x30, [sp, #-64]!", "str x0, [sp, #72]"];
    assert.equal(arm64Function(assembled(prologue)).firstArgument, 72);
    for (const store of ["str x1, [sp, #72]", "stp x1, x2, [sp, #64]", "strb w1, [sp, #72]", "stp q1, q2, [sp, #48]"]) {
      assert.equal(arm64Function(assembled([...prologue, store])).firstArgument, undefined, store);
    }
    assert.equal(arm64Function(assembled(["str x0, [sp, #72]", "bl ."])).firstArgument, undefined);
  });
});

describe("tables of Go that lie", onX86, () => {
  /** What comes of Caddy's file, in which so many bytes of its table of functions are other ones. */
  async function outcome(at: number, bytes: Buffer): Promise<string> {
    const original = fileSource(caddy);
    const table = (await (await Elf.open(original)).section(".gopclntab"))?.offset ?? 0;
    original.close();
    const source = fileSource(caddy, (read, position) => {
      const target = table + at - position;
      if (target > -bytes.length && target < read.length) {
        bytes.copy(read, Math.max(target, 0), Math.max(-target, 0));
      }
    });
    try {
      return `${(await chooseGoPlaces(await Elf.open(source)))?.length ?? 0} places`;
    } catch (error) {
      assert(error instanceof ElfFault, error as Error);
      assert(!error.message.includes("\n"));
      return error.message;
    } finally {
      source.close();
      assert(source.readBytes < 2 * source.size, `${source.readBytes} bytes read`);
      assert(source.largest < 1.1 * 2 ** 20, `${source.largest} bytes`);
    }
  }

  function word(value: bigint): Buffer {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(value);
    return bytes;
  }

  it("are refused in a few words", async () => {
    assert.equal(await outcome(0, Buffer.alloc(0)), "5 places");
    assert.match(await outcome(0, Buffer.alloc(4)), /of a version of Go that is not known/);
    assert.match(await outcome(8, word(2n ** 40n)), /too large/);
    assert.match(await outcome(8, word(2n ** 63n)), /number in it is too large/);
    assert.match(await outcome(8, word(3_900_000n)), /./);
    assert.match(await outcome(32, word(2n ** 32n)), /too large/);
    assert.match(await outcome(40, word(2n ** 31n)), /too large/);
    assert.match(await outcome(64, word(2n ** 33n)), /leads out of its section/);
    assert.match(await outcome(24, word(2n ** 33n)), /outside of its code/);
    // The code begins elsewhere than the table says: not one of its functions is where it should be.
    assert.match(await outcome(24, word(0x403600n)), /not known|do not call/);
  });

  it("do no harm whichever words of the header, and bytes of the functions, are other ones", async () => {
    let seed = 7;
    const random = (below: number): number => {
      seed = (seed * 1103515245 + 12345) % 2 ** 31;
      return seed % below;
    };
    for (let n = 0; n < 40; n++) {
      const bytes = Buffer.from(Array.from({ length: 64 }, () => random(256)));
      await outcome(n % 2 === 0 ? random(72) : 0x606f80 + random(1_000_000), bytes.subarray(0, 1 + random(64)));
    }
  });
});
