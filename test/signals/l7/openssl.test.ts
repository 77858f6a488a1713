/** Where programs are to run in a copy of OpenSSL: against objdump's reading of the same files, and with files that lie. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";

import { type ByteSource, Elf, ElfFault } from "../../../src/signals/l7/tls/elf.js";
import { choosePlaces } from "../../../src/signals/l7/tls/places.js";
import { instructionAt } from "../../../src/signals/l7/tls/x86.js";

/** The library that Debian's programs use. */
function libraryPath(): string {
  const [, path = ""] =
    /libssl\.so\.3 .*=> (\/\S+)/.exec(execFileSync("/sbin/ldconfig", ["-p"], { encoding: "utf8" })) ?? [];
  return path;
}

/** A file in memory, how many bytes have been read of it, and how many at once. */
function inMemory(bytes: Buffer): ByteSource & { readBytes: number; largest: number } {
  const source = {
    size: bytes.length,
    readBytes: 0,
    largest: 0,
    read(position: number, length: number): Promise<Buffer> {
      if (position < 0 || length < 0 || position + length > bytes.length) {
        return Promise.reject(new ElfFault("it ends"));
      }
      source.readBytes += length;
      source.largest = Math.max(source.largest, length);
      return Promise.resolve(bytes.subarray(position, position + length));
    },
  };
  return source;
}

/** Instructions by their place in the file: from objdump. */
function disassembled(path: string): ReadonlyMap<number, string> {
  const text = execFileSync("objdump", ["-d", "-F", "--no-show-raw-insn", "-j", ".text", path], {
    encoding: "latin1",
    maxBuffer: 2 ** 30,
  });
  const instructions = new Map<number, string>();
  let shift = 0;
  for (const line of text.split("\n")) {
    const [, start, offset] = /^([0-9a-f]+) <.*\(File Offset: 0x([0-9a-f]+)\)/.exec(line) ?? [];
    shift = start === undefined ? shift : Number.parseInt(offset ?? "", 16) - Number.parseInt(start, 16);
    const [, at, instruction = ""] = /^ +([0-9a-f]+):\t(.*)$/.exec(line) ?? [];
    if (at !== undefined) {
      instructions.set(Number.parseInt(at, 16) + shift, instruction);
    }
  }
  return instructions;
}

describe(
  "OpenSSL's functions",
  { skip: process.arch === "x64" ? false : "what is chosen is chosen on x86-64 alone" },
  () => {
    it("are taken where Linux carries out the instruction itself", async () => {
      const path = libraryPath();
      const instructions = disassembled(path);
      const places = (await choosePlaces(await Elf.open(inMemory(readFileSync(path))))) ?? [];
      const isFound = ["SSL_write", "SSL_read", "SSL_do_handshake"].map((name) =>
        places.some((place) => place.name.includes(name)),
      );
      assert.deepEqual(isFound, [true, true, true]);
      for (const { name, offset } of places.filter((place) => place.name !== "SSL_do_handshake")) {
        assert.match(instructions.get(offset) ?? "none", /^(?:push|nop)/, name);
      }
    });

    it("are found in a program that has OpenSSL in itself, Node.js, of which little is read at once", async () => {
      const source = inMemory(readFileSync(process.execPath));
      const places = await choosePlaces(await Elf.open(source));
      assert((places ?? []).length >= 3);
      assert(source.largest < 1.1 * 2 ** 20, `${source.largest} bytes`);
    });

    it("are not found in what has none", async () => {
      assert.equal(await choosePlaces(await Elf.open(inMemory(readFileSync("/bin/sh")))), undefined);
    });
  },
);

describe("instructions", { skip: process.arch === "x64" ? false : "they are those of x86-64" }, () => {
  it("are as long as objdump says, at the beginnings of a library's functions", async () => {
    const path = libraryPath();
    const bytes = readFileSync(path);
    const instructions = disassembled(path);
    const names = execFileSync("nm", ["-D", "--defined-only", path], { encoding: "latin1" }).matchAll(/ T (SSL_\w+)/g);
    const functions = await (await Elf.open(inMemory(bytes))).functions([...names].map(([, name = ""]) => name));
    let known = 0;
    for (const [name, { offset, size }] of functions) {
      const code = bytes.subarray(offset, offset + Math.min(size, 128));
      for (let at = 0; at < code.length;) {
        const instruction = instructionAt(code, at);
        if (instruction === undefined) {
          break;
        }
        assert(instructions.has(offset + at), `${name}+${at}`);
        at += instruction.length;
        known++;
      }
    }
    assert(functions.size > 300 && known > 5_000, `${known} of ${functions.size}`);
  });
});

describe("files that lie", () => {
  const bytes = readFileSync(libraryPath());

  /** What comes of a file: places, or the reason why there are none; any other error fails the test. */
  async function outcome(file: Buffer): Promise<string> {
    const source = inMemory(file);
    try {
      const places = await choosePlaces(await Elf.open(source));
      return `${places?.length ?? 0} places`;
    } catch (error) {
      assert(error instanceof ElfFault, error as Error);
      assert(!error.message.includes("\n"));
      return error.message;
    } finally {
      assert(source.readBytes < 4 * file.length + 2 ** 20, `${source.readBytes} bytes read`);
    }
  }

  const changed = (change: (copy: Buffer) => void): Buffer => {
    const copy = Buffer.from(bytes);
    change(copy);
    return copy;
  };

  it("are refused in a few words", async () => {
    assert.equal(await outcome(Buffer.alloc(0)), "it is too short for an ELF file");
    assert.equal(await outcome(Buffer.alloc(4096, 7)), "it is no ELF file");
    assert.equal(await outcome(changed((copy) => copy.writeUInt16LE(3, 18))), "it is of another architecture");
    assert.equal(await outcome(changed((copy) => copy.writeUInt16LE(0xffff, 60))), "it has 65535 sections");
    assert.equal(await outcome(changed((copy) => copy.writeUInt16LE(0xffff, 56))), "it has 65535 segments");
    assert.equal(await outcome(changed((copy) => copy.writeBigUInt64LE(2n ** 63n, 40))), "a number in it is too large");
    assert.equal(await outcome(changed((copy) => copy.writeBigUInt64LE(2n ** 40n, 40))), "it ends");
    // All sections are symbols, of each of which the names are the symbols.
    const table = Number(bytes.readBigUInt64LE(40));
    const looped = changed((copy) => {
      for (let at = table; at + 64 <= copy.length; at += 64) {
        copy.writeUInt32LE(11, at + 4);
        copy.writeUInt32LE((at - table) / 64, at + 40);
      }
    });
    assert.match(await outcome(looped), /./);
  });

  it("do no harm wherever they are cut, and whichever bytes of their headers are changed", async () => {
    let seed = 1;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      return seed % below;
    };
    for (let n = 0; n < 60; n++) {
      await outcome(bytes.subarray(0, random(bytes.length)));
    }
    const table = Number(bytes.readBigUInt64LE(40));
    for (let n = 0; n < 300; n++) {
      await outcome(
        changed((copy) => {
          const at = n % 2 === 0 ? random(64 + 56 * 9) : table + random(bytes.length - table);
          copy[at] = random(256);
          copy[Math.min(at + random(8), copy.length - 1)] = random(256);
        }),
      );
    }
  });
});
