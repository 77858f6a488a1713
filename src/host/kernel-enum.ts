/** The values of the kernel's enums, by its own type information (Documentation/bpf/btf.rst): a new kernel's need no release. */
import { readFileSync } from "node:fs";

const btfMagic = 0xeb9f;
const wordBytes = 4;
const enumKind = 6;

/** Words of a type's head, and behind it of a fixed part and of each of `vlen` items, by kind. */
const headWords = 3;
const fixedWords = [0, 1, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0] as const;
const itemWords = [0, 0, 0, 0, 3, 3, 2, 0, 0, 0, 0, 0, 0, 2, 0, 3, 0, 0, 0, 3] as const;

/**
 * Reads an enum of 32-bit values: names by value, unsigned; the first name of a value that has several. Undefined where the kernel has no
 * enum of this name. Takes some 10 ms. Throws when the file cannot be read or is no BTF of this byte order.
 */
export function kernelEnum(name: string, types = "/sys/kernel/btf/vmlinux"): ReadonlyMap<number, string> | undefined {
  const bytes = readFileSync(types);
  const word = (at: number): number => bytes.readUInt32LE(at);
  if (bytes.length < 24 || bytes.readUInt16LE(0) !== btfMagic) {
    throw new Error(`reading ${types}: no BTF in it`);
  }
  const header = word(4);
  const strings = bytes.subarray(header + word(16), header + word(16) + word(20));
  const offset = strings.indexOf(`\0${name}\0`, 0, "latin1") + 1;
  const end = header + word(8) + word(12);
  for (let at = header + word(8); offset > 0 && at < end;) {
    const info = word(at + wordBytes);
    const kind = (info >>> 24) & 0x1f;
    const items = info & 0xffff;
    const itemsAt = at + headWords * wordBytes;
    if (kind === enumKind && word(at) === offset && items > 0) {
      const values = new Map<number, string>();
      for (let item = itemsAt; item < itemsAt + 2 * items * wordBytes; item += 2 * wordBytes) {
        const text = word(item);
        const value = word(item + wordBytes);
        if (!values.has(value)) {
          values.set(value, strings.toString("latin1", text, strings.indexOf(0, text)));
        }
      }
      return values;
    }
    at = itemsAt + ((fixedWords[kind] ?? 0) + (itemWords[kind] ?? 0) * items) * wordBytes;
  }
  return undefined;
}
