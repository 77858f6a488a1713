/**
 * Instructions of x86-64, as far as it takes to step over the beginning of a function: the length of each, and where calls go. Those
 * that compilers do not begin functions with are not known.
 */

/** An instruction: its length, and what matters of it. */
export interface Instruction {
  readonly length: number;
  /** `push` and `nop` are those that Linux carries out itself, without a single step of the program (arch/x86/kernel/uprobes.c). */
  readonly kind: "push" | "nop" | "endbr" | "call" | "jump" | "other";
  /** Of a call or an unconditional jump to a fixed place: how far behind its end that is. */
  readonly distance?: number;
}

/** Opcodes with a ModRM byte, besides the arithmetic ones below 0x40. */
const withModrm = new Set([0x63, 0x69, 0x6b, 0xc0, 0xc1, 0xc6, 0xc7, 0xd0, 0xd1, 0xd2, 0xd3, 0xf6, 0xf7, 0xfe, 0xff]);
const withByte = new Set([0x6a, 0x6b, 0x80, 0x83, 0xc0, 0xc1, 0xc6, 0xa8, 0xeb]);
const withWord = new Set([0x68, 0x69, 0x81, 0xc7, 0xa9, 0xe8, 0xe9]);
const alone = new Set([0x90, 0x98, 0x99, 0xc3, 0xc9, 0xcc]);

/** Prefixes: operand size, segments, lock, repeat. */
const prefixes = new Set([0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0xf0, 0xf2, 0xf3]);

/** The bytes of a ModRM byte and what it asks for. */
function modrmLength(code: Buffer, at: number): number {
  const modrm = code[at] as number;
  const mode = modrm >>> 6;
  const register = modrm & 7;
  if (mode === 3) {
    return 1;
  }
  const sib = register === 4 ? 1 : 0;
  const base = sib === 1 ? (code[at + 1] as number) & 7 : register;
  const displacement = mode === 1 ? 1 : mode === 2 || base === 5 ? 4 : 0;
  return 1 + sib + displacement;
}

/** Bytes that follow a one-byte opcode; undefined for one that is not known. */
function oneByte(code: Buffer, at: number, opcode: number, isWord: boolean): number | undefined {
  const immediate = isWord ? 2 : 4;
  if (opcode < 0x40) {
    const column = opcode & 7;
    return column < 4 ? modrmLength(code, at) : column === 4 ? 1 : column === 5 ? immediate : undefined;
  }
  if ((opcode >= 0x50 && opcode < 0x60) || (opcode >= 0x91 && opcode < 0x98) || alone.has(opcode)) {
    return 0;
  }
  if (opcode >= 0x70 && opcode < 0x80) {
    return 1;
  }
  if (opcode >= 0xb0 && opcode < 0xc0) {
    return opcode < 0xb8 ? 1 : undefined;
  }
  const hasModrm = (opcode >= 0x80 && opcode < 0x90) || withModrm.has(opcode);
  const jump = opcode === 0xe8 || opcode === 0xe9;
  const size = withByte.has(opcode) ? 1 : withWord.has(opcode) ? (jump ? 4 : immediate) : 0;
  if (!hasModrm && size === 0) {
    return undefined;
  }
  const test = hasModrm && (opcode === 0xf6 || opcode === 0xf7) && (((code[at] as number) >>> 3) & 7) < 2;
  return (hasModrm ? modrmLength(code, at) : 0) + size + (test ? (opcode === 0xf6 ? 1 : immediate) : 0);
}

/** The same of an opcode behind 0x0f. */
function twoBytes(code: Buffer, at: number, opcode: number): number | undefined {
  if (opcode >= 0x80 && opcode < 0x90) {
    return 4;
  }
  const known =
    (opcode >= 0x10 && opcode < 0x20) ||
    (opcode >= 0x28 && opcode < 0x30) ||
    (opcode >= 0x40 && opcode < 0x70) ||
    (opcode >= 0x90 && opcode < 0xa0) ||
    [0x6e, 0x6f, 0x7e, 0x7f, 0xa3, 0xab, 0xaf, 0xb0, 0xb1, 0xb6, 0xb7, 0xbe, 0xbf, 0xc0, 0xc1, 0xd6, 0xef].includes(
      opcode,
    );
  return known ? modrmLength(code, at) : opcode === 0xba || opcode === 0x70 ? modrmLength(code, at) + 1 : undefined;
}

function kindOf(opcode: number, isTwoBytes: boolean): Instruction["kind"] {
  if (isTwoBytes) {
    return opcode === 0x1f ? "nop" : "other";
  }
  if (opcode >= 0x50 && opcode < 0x58) {
    return "push";
  }
  return opcode === 0x90 ? "nop" : opcode === 0xe8 ? "call" : opcode === 0xe9 || opcode === 0xeb ? "jump" : "other";
}

/** The instruction that begins there; undefined for one that is not known, or not whole. */
export function instructionAt(code: Buffer, start: number): Instruction | undefined {
  let at = start;
  let isWord = false;
  if (code.length - start >= 4 && code.readUInt32BE(start) === 0xf30f1efa) {
    return { length: 4, kind: "endbr" };
  }
  while (at < code.length && at - start < 4 && prefixes.has(code[at] as number)) {
    isWord ||= code[at] === 0x66;
    at++;
  }
  const hasPrefix = at > start;
  const rex = (code[at] ?? 0) >>> 4 === 4 ? (code[at++] as number) : 0;
  const isTwoBytes = code[at] === 0x0f;
  const opcode = code[at + (isTwoBytes ? 1 : 0)];
  if (opcode === undefined) {
    return undefined;
  }
  at += isTwoBytes ? 2 : 1;
  const isMove = !isTwoBytes && opcode >= 0xb8 && opcode < 0xc0;
  const more = isMove
    ? (rex & 8) !== 0
      ? 8
      : isWord
        ? 2
        : 4
    : isTwoBytes
      ? twoBytes(code, at, opcode)
      : oneByte(code, at, opcode, isWord);
  const length = more === undefined ? Number.NaN : at - start + more;
  if (!(start + length <= code.length)) {
    return undefined;
  }
  const kind = kindOf(opcode, isTwoBytes);
  if (kind === "call" || kind === "jump") {
    return { length, kind, distance: more === 1 ? code.readInt8(at) : code.readInt32LE(at) };
  }
  // Linux takes a push with other prefixes for any other instruction (push_setup_xol_ops()).
  return { length, kind: kind === "push" && (hasPrefix || (rex !== 0 && rex !== 0x41)) ? "other" : kind };
}
