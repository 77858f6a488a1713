/**
 * How much stack the programs' call chains take, by the objects' instructions. Kernels without private stacks, which x86-64 has since
 * Linux 6.13, refuse a program with a chain of more than 512 bytes (check_max_stack_depth_subprog(), kernel/bpf/verifier.c).
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { fileURLToPath } from "node:url";

/** MAX_BPF_STACK, and MAX_CALL_FRAMES of include/linux/bpf_verifier.h. */
const mostBytes = 512;
const mostFrames = 8;

/** What a chain leaves of them, for a compiler that keeps a few words more. */
const room = 32;

/** What a frame is rounded up to: kernels of which frames are rounded up to 16 bytes refuse no program that fits so. */
const frameUnit = 32;

/** The register that holds the frame's end. */
const framePointer = 10;

/** Of a call: it is one of a function of the object (BPF_PSEUDO_CALL, include/uapi/linux/bpf.h). */
const callOfFunction = 1;

const instructionBytes = 8;

/** A function: the bytes of its frame, and the functions that it calls, or gives to a helper to call. */
interface Frame {
  bytes: number;
  readonly calls: Set<string>;
}

interface Chain {
  readonly bytes: number;
  readonly names: readonly string[];
}

interface Instruction {
  readonly bytes: Buffer;
  /** The section that it is in, and its place there in bytes. */
  readonly section: string;
  readonly at: number;
  /** Of its relocation. */
  symbol?: string;
}

/** An object's instructions in order, and the names of its functions by their places. */
function disassemble(object: string): { instructions: Instruction[]; functions: Map<string, string> } {
  const objdump = execFileSync("scripts/build/find-clang", ["llvm-objdump"], { encoding: "utf8" }).trim();
  const text = execFileSync(objdump, ["-d", "-r", object], { encoding: "utf8", maxBuffer: Infinity });
  const instructions: Instruction[] = [];
  const functions = new Map<string, string>();
  let section = "";
  for (const line of text.split("\n")) {
    const [, name] = /^Disassembly of section (\S+):/.exec(line) ?? [];
    const [, start, label] = /^([\da-f]+) <(\w+)>:/.exec(line) ?? [];
    const [, index, hex] = /^\s+(\d+):\s((?:[\da-f]{2}\s){8,16})/.exec(line) ?? [];
    const [, symbol] = /^\s+[\da-f]+:\s+R_BPF_64_\w+\s+(\S+)/.exec(line) ?? [];
    if (name !== undefined) {
      section = name;
    } else if (start !== undefined && label !== undefined && !label.startsWith("LBB")) {
      functions.set(`${section} ${Number.parseInt(start, 16)}`, label);
    } else if (index !== undefined && hex !== undefined) {
      instructions.push({
        bytes: Buffer.from(hex.replaceAll(/\s/g, ""), "hex"),
        section,
        at: Number(index) * instructionBytes,
      });
    } else if (symbol !== undefined) {
      const last = instructions.at(-1);
      assert(last !== undefined);
      last.symbol = symbol;
    }
  }
  return { instructions, functions };
}

/** Where in its section the function is that an instruction names, if it does; undefined when its symbol is the function itself. */
function targetOf({ bytes, section, at, symbol }: Instruction): string | undefined {
  const immediate = bytes.readInt32LE(4);
  if (bytes.readUInt8(0) !== 0x85) {
    return symbol === undefined ? undefined : `${symbol} ${immediate}`;
  }
  if (bytes.readUInt8(1) >> 4 !== callOfFunction) {
    return undefined;
  }
  const distance = (immediate + 1) * instructionBytes;
  return symbol === undefined ? `${section} ${at + distance}` : `${symbol} ${distance}`;
}

/** The frames of an object's functions. */
function framesOf(object: string): Map<string, Frame> {
  const { instructions, functions } = disassemble(object);
  const frames = new Map<string, Frame>();
  for (const name of functions.values()) {
    frames.set(name, { bytes: 0, calls: new Set() });
  }
  let frame: Frame = { bytes: 0, calls: new Set() };
  /** Registers that hold an address in the frame: how far below its end. */
  let offsets = new Map<number, number>();
  for (const instruction of instructions) {
    const { bytes, section, at, symbol } = instruction;
    const name = functions.get(`${section} ${at}`);
    if (name !== undefined) {
      frame = frames.get(name) ?? frame;
      offsets = new Map([[framePointer, 0]]);
    }
    const [code, registers] = [bytes.readUInt8(0), bytes.readUInt8(1)];
    const [to, from] = [registers & 15, registers >> 4];
    const reach = (offset: number | undefined): void => {
      frame.bytes = Math.max(frame.bytes, -(offset ?? 0));
    };
    const memory = { 1: from, 2: to, 3: to }[code & 7];
    const base = memory === undefined ? undefined : offsets.get(memory);
    if (base !== undefined) {
      reach(base + bytes.readInt16LE(2));
    }
    const before = offsets.get(to);
    const source = offsets.get(from);
    switch (code & 7) {
      case 0:
      case 1:
      case 4:
      case 7:
        if (code === 0xbf && source !== undefined) {
          offsets.set(to, source);
        } else if (code === 0x07 && before !== undefined) {
          offsets.set(to, before + bytes.readInt32LE(4));
          reach(offsets.get(to));
        } else if (to !== framePointer) {
          offsets.delete(to);
        }
    }
    const called = functions.get(targetOf(instruction) ?? "") ?? symbol;
    if (called !== undefined && frames.has(called)) {
      frame.calls.add(called);
    }
  }
  return frames;
}

/** The chain from a function on that takes the most stack, and the one of the most frames. */
function worstChains(frames: ReadonlyMap<string, Frame>): { largest: Chain; deepest: Chain } {
  const known = new Map<string, { largest: Chain; deepest: Chain }>();
  const from = (name: string): { largest: Chain; deepest: Chain } => {
    const found = known.get(name);
    if (found !== undefined) {
      return found;
    }
    const { bytes, calls } = frames.get(name) ?? { bytes: 0, calls: [] };
    const own = Math.ceil(Math.max(bytes, 1) / frameUnit) * frameUnit;
    const worst = { largest: { bytes: own, names: [name] }, deepest: { bytes: own, names: [name] } };
    for (const called of calls) {
      const { largest, deepest } = from(called);
      if (own + largest.bytes > worst.largest.bytes) {
        worst.largest = { bytes: own + largest.bytes, names: [name, ...largest.names] };
      }
      if (deepest.names.length + 1 > worst.deepest.names.length) {
        worst.deepest = { bytes: own + deepest.bytes, names: [name, ...deepest.names] };
      }
    }
    known.set(name, worst);
    return worst;
  };
  const all = Array.from(frames.keys(), from);
  const [first] = all;
  assert(first !== undefined);
  return all.reduce(
    (worst, { largest, deepest }) => ({
      largest: largest.bytes > worst.largest.bytes ? largest : worst.largest,
      deepest: deepest.names.length > worst.deepest.names.length ? deepest : worst.deepest,
    }),
    first,
  );
}

const folder = fileURLToPath(new URL("../../src/signals", import.meta.url));
const objects = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".bpf.o"));

it("there is an object of l7", () => {
  assert(objects.includes(`l7/${process.arch}/l7.bpf.o`), objects.join(" "));
});

for (const object of objects.sort()) {
  it(`${object} has no call chain that takes nearly all the stack that there is`, (t) => {
    const { largest, deepest } = worstChains(framesOf(join(folder, object)));
    t.diagnostic(`at most ${largest.bytes} bytes, and ${deepest.names.length} frames`);
    assert(largest.bytes + room <= mostBytes, `${largest.bytes} bytes: ${largest.names.join(" > ")}`);
    assert(deepest.names.length <= mostFrames, `${deepest.names.length} frames: ${deepest.names.join(" > ")}`);
  });
}
