/** A function of Go on x86-64, instruction by instruction. */
import type { WalkedFunction } from "./walked-function.js";
import { type Instruction, instructionAt } from "./x86.js";

/** By how much an instruction grows the stack, at a function's beginning: push %rbp; sub $n,%rsp; add $-128,%rsp. */
function growth(code: Buffer, at: number, { length }: Instruction): number {
  if (code[at] === 0x55) {
    return 8;
  }
  const [rex, opcode, modrm] = code.subarray(at, at + 3);
  if (rex !== 0x48 || (modrm !== 0xec && modrm !== 0xc4) || (opcode !== 0x81 && opcode !== 0x83)) {
    return 0;
  }
  const size = length === 4 ? code.readInt8(at + 3) : code.readInt32LE(at + 3);
  return modrm === 0xec ? size : -size;
}

/** How far from the stack pointer an instruction's operand in memory is: of the form n(%rsp), of 8 or 32 bits. */
function distanceFromStack(code: Buffer, { modrm }: Instruction): number | undefined {
  const mode = modrm === undefined ? 0 : (code[modrm] as number) & 0xc7;
  if (modrm === undefined || (mode !== 0x44 && mode !== 0x84) || code[modrm + 1] !== 0x24) {
    return undefined;
  }
  return mode === 0x44 ? code.readInt8(modrm + 2) : code.readInt32LE(modrm + 2);
}

/** Undefined where there is an instruction that is not known. */
export function x86Function(code: Buffer): WalkedFunction | undefined {
  const calls: { at: number; target: number }[] = [];
  let frame = 0;
  let firstArgument: number | undefined;
  let isCertain = true;
  for (let at = 0; at < code.length;) {
    const instruction = instructionAt(code, at);
    if (instruction === undefined) {
      return undefined;
    }
    const behind = at + instruction.length;
    if (instruction.kind === "call") {
      calls.push({ at, target: behind + (instruction.distance ?? 0) });
    }
    if (firstArgument === undefined && calls.length === 0) {
      frame += Math.max(growth(code, at, instruction), 0);
    }
    // The return address is at the frame's end, and behind it what registers were given.
    const distance = distanceFromStack(code, instruction);
    if (frame > 0 && distance === frame + 8) {
      const isStore = code.readUInt16BE(at) === 0x4889 && ((code[at + 2] as number) & 0x38) === 0;
      const isLoad = code[(instruction.modrm as number) - 1] === 0x8b;
      if (firstArgument === undefined && isStore && calls.length === 0) {
        firstArgument = distance;
      } else if (!isLoad) {
        isCertain = false;
      }
    }
    at = behind;
  }
  return { calls, firstArgument: isCertain ? firstArgument : undefined };
}
