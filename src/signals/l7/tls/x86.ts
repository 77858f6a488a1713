/**
 * Instructions of x86-64: how long each is, and what matters of it to those who step over a function. By the opcode maps of Intel's
 * manual, volume 2, appendix A, and its chapter 2 for prefixes.
 */

/** An instruction: its length, and what matters of it. */
export interface Instruction {
  readonly length: number;
  /** `push`, `nop` and `call` are those that Linux carries out itself, without a single step of the program (arch/x86/kernel/uprobes.c). */
  readonly kind: "push" | "nop" | "endbr" | "call" | "jump" | "other";
  /** Of a call or an unconditional jump to a fixed place: how far behind its end that is. */
  readonly distance?: number;
  /** Where its ModRM byte is, of an instruction that has one. */
  readonly modrm?: number;
}

/**
 * What follows each opcode: `.` nothing; `m` a ModRM byte and what that asks for; `b` a byte; `w` 16 bits; `z` 32 bits, or 16 behind the
 * prefix 0x66; `M` and `Z` what `m` does, and then `b` or `z`; `t` and `T` the same where the middle bits of ModRM are 0 or 1; `j` a
 * distance of 32 bits; `v` as many bits as the operand has; `a` an address; `e` three bytes; `-` it is no opcode, or not known.
 */
const oneByte = [
  ...["mmmmbz--mmmmbz--", "mmmmbz--mmmmbz--", "mmmmbz--mmmmbz--", "mmmmbz--mmmmbz--"],
  ...["----------------", "................", "---m----zZbM....", "bbbbbbbbbbbbbbbb"],
  ...["MZ-Mmmmmmmmmmmmm", "..........-.....", "aaaa....bz......", "bbbbbbbbvvvvvvvv"],
  ...["MMw.--MZe.w..b-.", "mmmm---.mmmmmmmm", "bbbbbbbbjj-b....", "-.--..tT......mm"],
].join("");

/** The same of opcodes behind 0x0f. */
const twoBytes = [
  ...["mmmm-.....-.-m--", "mmmmmmmmmmmmmmmm", "mmmm----mmmmmmmm", "......-.--------"],
  ...["mmmmmmmmmmmmmmmm", "mmmmmmmmmmmmmmmm", "mmmmmmmmmmmmmmmm", "MMMMmmm.mm--mmmm"],
  ...["jjjjjjjjjjjjjjjj", "mmmmmmmmmmmmmmmm", "...mMm--...mMmmm", "mmmmmmmmmmMmmmmm"],
  ...["mmMmMMMm........", "mmmmmmmmmmmmmmmm", "mmmmmmmmmmmmmmmm", "mmmmmmmmmmmmmmmm"],
].join("");

/** Prefixes: segments, operand and address size, lock, repeat. */
const prefixes = new Set([0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3]);

/** No instruction is longer. */
const longest = 15;

/** The bytes of a ModRM byte and what it asks for. */
function modrmLength(code: Buffer, at: number): number {
  const modrm = code[at] ?? 0;
  const mode = modrm >>> 6;
  const register = modrm & 7;
  if (mode === 3) {
    return 1;
  }
  const sib = register === 4 ? 1 : 0;
  const base = sib === 1 ? (code[at + 1] ?? 0) & 7 : register;
  const displacement = mode === 1 ? 1 : mode === 2 || base === 5 ? 4 : 0;
  return 1 + sib + displacement;
}

/** What comes before the bytes that an opcode asks for. */
interface Head {
  /** Where those begin. */
  readonly end: number;
  readonly form: string;
  readonly opcode: number;
  readonly map: "one" | "two" | "vector";
  readonly isWord: boolean;
  readonly isWide: boolean;
  readonly hasShortAddress: boolean;
}

/** Opcodes with the prefixes VEX (0xc4, 0xc5) and EVEX (0x62), by the map of opcodes that these name. */
function vectorHead(code: Buffer, at: number): Pick<Head, "end" | "form" | "opcode"> {
  const [first = 0, second = 0] = code.subarray(at);
  const map = first === 0xc5 ? 1 : second & (first === 0xc4 ? 31 : 7);
  const end = at + (first === 0xc5 ? 2 : first === 0xc4 ? 3 : 4);
  const opcode = code[end] ?? 0;
  const form = map === 1 ? twoBytes[opcode] : map === 3 ? "M" : map === 2 || map === 5 || map === 6 ? "m" : "-";
  return { end: end + 1, opcode, form: /^[mM.]$/.test(form ?? "") ? (form as string) : "-" };
}

function headAt(code: Buffer, start: number): Head {
  let at = start;
  let isWord = false;
  let hasShortAddress = false;
  while (prefixes.has(code[at] ?? 0) && at - start < longest) {
    isWord ||= code[at] === 0x66;
    hasShortAddress ||= code[at] === 0x67;
    at++;
  }
  const first = code[at] ?? 0;
  if (first === 0xc4 || first === 0xc5 || first === 0x62) {
    return { ...vectorHead(code, at), map: "vector", isWord: false, isWide: false, hasShortAddress };
  }
  const rex = first >>> 4 === 4 ? first : 0;
  at += rex === 0 ? 0 : 1;
  const shared = { isWord, isWide: (rex & 8) !== 0, hasShortAddress };
  if (code[at] !== 0x0f) {
    const opcode = code[at] ?? 0;
    return { end: at + 1, opcode, form: oneByte[opcode] ?? "-", map: "one", ...shared };
  }
  const opcode = code[at + 1] ?? 0;
  return opcode === 0x38 || opcode === 0x3a
    ? { end: at + 3, opcode, form: opcode === 0x38 ? "m" : "M", map: "two", ...shared }
    : { end: at + 2, opcode, form: twoBytes[opcode] ?? "-", map: "two", ...shared };
}

/** The bytes of numbers within an instruction; undefined for one that is not known. */
function immediateLength({ form, opcode, isWord, isWide, hasShortAddress }: Head, modrm: number): number | undefined {
  const number = isWord && !isWide ? 2 : 4;
  switch (form) {
    case ".":
    case "m":
      return 0;
    case "b":
    case "M":
      return 1;
    case "w":
      return 2;
    case "z":
    case "Z":
      return number;
    case "t":
    case "T":
      return ((modrm >>> 3) & 7) > 1 ? 0 : opcode === 0xf6 ? 1 : number;
    case "j":
      // Behind 0x66, AMD's processors read 16 bits, and Intel's 32.
      return isWord && !isWide ? undefined : 4;
    case "v":
      return isWide ? 8 : number;
    case "a":
      return hasShortAddress ? 4 : 8;
    case "e":
      return 3;
    default:
      return undefined;
  }
}

function kindOf({ opcode, map }: Head): Instruction["kind"] {
  if (map !== "one") {
    return map === "two" && opcode === 0x1f ? "nop" : "other";
  }
  if (opcode >= 0x50 && opcode < 0x58) {
    return "push";
  }
  return opcode === 0x90 ? "nop" : opcode === 0xe8 ? "call" : opcode === 0xe9 || opcode === 0xeb ? "jump" : "other";
}

/** The instruction that begins there; undefined for one that is not known, or not whole. */
export function instructionAt(code: Buffer, start: number): Instruction | undefined {
  if (code.length - start >= 4 && code.readUInt32BE(start) === 0xf30f1efa) {
    return { length: 4, kind: "endbr" };
  }
  const head = headAt(code, start);
  const { end, form } = head;
  // 0x8f of AMD's XOP.
  if (head.map === "one" && head.opcode === 0x8f && ((code[end] ?? 0) & 0x38) !== 0) {
    return undefined;
  }
  const hasModrm = /[mMZtT]/.test(form);
  const more = immediateLength(head, code[end] ?? 0);
  const operands = end + (hasModrm ? modrmLength(code, end) : 0);
  const length = more === undefined ? Number.NaN : operands + more - start;
  if (!(length <= longest && start + length <= code.length)) {
    return undefined;
  }
  const kind = kindOf(head);
  if (kind === "call" || kind === "jump") {
    return { length, kind, distance: more === 1 ? code.readInt8(operands) : code.readInt32LE(operands) };
  }
  const plain = { length, ...(hasModrm ? { modrm: end } : {}) };
  // Linux takes a push with other prefixes for any other instruction (push_setup_xol_ops()).
  const isPlainPush = length === 1 || (length === 2 && code[start] === 0x41);
  return { ...plain, kind: kind === "push" && !isPlainPush ? "other" : kind };
}
