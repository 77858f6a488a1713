/** Instructions of arm64, each of 32 bits: Arm's manual for the A-profile, C4 (encodings). */
import type { WalkedFunction } from "./walked-function.js";

/** A number of so many bits with a sign, the lowest of which is that one of the instruction. */
function signed(instruction: number, lowest: number, bits: number): number {
  return (instruction << (32 - lowest - bits)) >> (32 - bits);
}

/** By how much an instruction grows the stack, at a function's beginning: str x30,[sp,#-n]!; sub sp|x20,sp,#n. */
function growth(instruction: number): number {
  if ((instruction & 0xffe00fff) >>> 0 === 0xf8000ffe) {
    return -signed(instruction, 12, 9);
  }
  const register = instruction & 31;
  const isSubtraction = (instruction & 0xff8003e0) >>> 0 === 0xd10003e0 && (register === 31 || register === 20);
  const shift = (instruction & 0x400000) !== 0 ? 12 : 0;
  return isSubtraction ? ((instruction >>> 10) & 0xfff) << shift : 0;
}

/** Does an instruction store at a distance from the stack pointer: str, stp of 64 and 128 bits, and str, strb, strh of less? */
function storesAt(instruction: number, distance: number): boolean {
  if (((instruction >>> 5) & 31) !== 31) {
    return false;
  }
  const covers = (from: number, bytes: number): boolean => distance >= from && distance < from + bytes;
  const pair = (instruction & 0xffc00000) >>> 0;
  if (pair === 0xa9000000 || pair === 0xad000000) {
    const width = pair === 0xa9000000 ? 8 : 16;
    return covers(signed(instruction, 15, 7) * width, 2 * width);
  }
  const isSingle = (instruction & 0x3bc00000) >>> 0 === 0x39000000;
  const isVector = (instruction & 0xffc00000) >>> 0 === 0x3d800000;
  const width = isVector ? 16 : 1 << (instruction >>> 30);
  return (isSingle || isVector) && covers(((instruction >>> 10) & 0xfff) * width, width);
}

/**
 * Does Linux run programs at a function's first instruction? It carries out branches itself, and the others in a single step, which no
 * hypervisor sees here; but neither loads of what is beside the code nor exclusive ones (arch/arm64/kernel/probes/decode-insn.c).
 */
export function takesProbe(code: Buffer): boolean {
  const instruction = code.length < 4 ? 0 : code.readUInt32LE(0);
  const isLiteral = (instruction & 0x3b000000) >>> 0 === 0x18000000;
  const isExclusive = (instruction & 0x3f000000) >>> 0 === 0x08000000;
  return instruction !== 0 && !isLiteral && !isExclusive;
}

/** A function of Go. */
export function arm64Function(code: Buffer): WalkedFunction {
  const calls: { at: number; target: number }[] = [];
  let frame = 0;
  let firstArgument: number | undefined;
  let isCertain = true;
  for (let at = 0; at + 4 <= code.length; at += 4) {
    const instruction = code.readUInt32LE(at);
    if (instruction >>> 26 === 0x25) {
      calls.push({ at, target: at + signed(instruction, 0, 26) * 4 });
    }
    if (frame === 0 && calls.length === 0) {
      frame = growth(instruction);
    }
    // What registers were given is behind the frame, and a word for the link register of those that are called.
    if (frame === 0 || !storesAt(instruction, frame + 8)) {
      continue;
    }
    const isFirst = (instruction & 0xffc003ff) >>> 0 === 0xf90003e0;
    if (firstArgument === undefined && isFirst && calls.length === 0) {
      firstArgument = frame + 8;
    } else {
      isCertain = false;
    }
  }
  return { calls, firstArgument: isCertain ? firstArgument : undefined };
}
