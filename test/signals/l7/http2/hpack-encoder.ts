/** An encoder of header blocks (RFC 7541) that may write each field in any form there is. */
import { codeLengths } from "../../../../src/signals/l7/http2/huffman.js";

export type Field = readonly [name: string, value: string];

/** How a field is written: which representation, and whether its texts are in Huffman's code. */
export interface Form {
  readonly kind: "indexed" | "inserted" | "plain" | "never";
  readonly isHuffman: boolean;
  /** Where the name's index is looked for first; none: the name is written out. */
  readonly nameIn: "static" | "dynamic" | "none";
}

/** Of Appendix A, those that are written here: by index. */
const staticFields = new Map<number, Field>([
  [1, [":authority", ""]],
  [2, [":method", "GET"]],
  [3, [":method", "POST"]],
  [4, [":path", "/"]],
  [5, [":path", "/index.html"]],
  [6, [":scheme", "http"]],
  [31, ["content-type", ""]],
  [58, ["user-agent", ""]],
]);

const dynamicFrom = 62;

/** Codes of bytes, as texts of digits: those of a length follow one another in the order of their bytes. */
const codes = (() => {
  const found: string[] = [];
  let code = 0n;
  let before = 0;
  for (const [byte, length] of [...codeLengths.entries()].toSorted(([a, x], [b, y]) => x - y || a - b)) {
    code <<= BigInt(length - before);
    before = length;
    found[byte] = code.toString(2).padStart(length, "0");
    code++;
  }
  return found;
})();

function huffman(text: string): Buffer {
  const bits = Array.from(Buffer.from(text, "latin1"), (byte) => codes[byte]).join("");
  const padded = bits.padEnd(8 * Math.ceil(bits.length / 8), "1");
  return Buffer.from((padded.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}

function integer(value: number, bits: number, first: number): Buffer {
  const most = 2 ** bits - 1;
  if (value < most) {
    return Buffer.from([first | value]);
  }
  const bytes = [first | most];
  let rest = value - most;
  for (; rest >= 128; rest = Math.floor(rest / 128)) {
    bytes.push((rest % 128) | 128);
  }
  return Buffer.from([...bytes, rest]);
}

function textOf(text: string, isHuffman: boolean): Buffer {
  const bytes = isHuffman ? huffman(text) : Buffer.from(text, "latin1");
  return Buffer.concat([integer(bytes.length, 7, isHuffman ? 0x80 : 0), bytes]);
}

export class Encoder {
  #limit = 4096;
  /** The newest first. */
  readonly #entries: Field[] = [];

  get size(): number {
    return this.#entries.reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0);
  }

  resize(size: number): Buffer {
    this.#limit = size;
    this.#evict(size);
    return integer(size, 5, 0x20);
  }

  write(field: Field, { kind, isHuffman, nameIn }: Form): Buffer {
    const [name, value] = field;
    const index = this.#find((other) => other[0] === name && other[1] === value);
    if (kind === "indexed" && index > 0) {
      return integer(index, 7, 0x80);
    }
    const nameIndex = nameIn === "none" ? 0 : this.#find((other) => other[0] === name, nameIn === "static");
    const isInserted = kind === "indexed" || kind === "inserted";
    const bytes = Buffer.concat([
      isInserted ? integer(nameIndex, 6, 0x40) : integer(nameIndex, 4, kind === "never" ? 0x10 : 0),
      ...(nameIndex === 0 ? [textOf(name, isHuffman)] : []),
      textOf(value, isHuffman),
    ]);
    if (isInserted) {
      this.#insert(field);
    }
    return bytes;
  }

  #find(is: (field: Field) => boolean, isStaticFirst = false): number {
    const dynamic = dynamicFrom + this.#entries.findIndex(is);
    const [fixed = 0] = [...staticFields].find(([, field]) => is(field)) ?? [];
    return dynamic < dynamicFrom || (isStaticFirst && fixed > 0) ? fixed : dynamic;
  }

  #insert([name, value]: Field): void {
    const size = name.length + value.length + 32;
    this.#evict(this.#limit - size);
    if (size <= this.#limit) {
      this.#entries.unshift([name, value]);
    }
  }

  #evict(size: number): void {
    while (this.#entries.length > 0 && this.size > size) {
      this.#entries.pop();
    }
  }
}
