/** What addresses are by themselves: loopback, private, public, … */
import { isIPv4 } from "node:net";
import { addressWords, parseAddress, swapBytes } from "./address-words.js";

/** What an address is by itself, most special first; all others are public. */
export const addressClasses = ["unspecified", "loopback", "link_local", "private", "multicast", "public"] as const;
export type AddressClass = (typeof addressClasses)[number];

/** Blocks of the IANA special-purpose registries (RFC 6890 and those that it lists), and which class they are. */
const blocks: readonly (readonly [prefix: string, bits: number, addressClass: AddressClass])[] = [
  ["0.0.0.0", 8, "unspecified"],
  ["127.0.0.0", 8, "loopback"],
  ["169.254.0.0", 16, "link_local"],
  ["10.0.0.0", 8, "private"],
  ["172.16.0.0", 12, "private"],
  ["192.168.0.0", 16, "private"],
  // Shared with one's provider (RFC 6598); some clouds give it to pods.
  ["100.64.0.0", 10, "private"],
  ["224.0.0.0", 4, "multicast"],
  ["::", 128, "unspecified"],
  ["::1", 128, "loopback"],
  ["fe80::", 10, "link_local"],
  ["fc00::", 7, "private"],
  ["ff00::", 8, "multicast"],
];

interface Block {
  /** Of each word, the bits that count, and what they are. */
  readonly masks: Uint32Array;
  readonly words: Uint32Array;
  /** Index into {@link addressClasses}. */
  readonly classId: number;
}

/** The mask of the first `bits` bits of an address, in words as they lie in memory. */
function maskOf(bits: number): Uint32Array {
  return Uint32Array.from({ length: addressWords }, (_, word) => {
    const kept = Math.min(32, Math.max(0, bits - 32 * word));
    return swapBytes(kept === 0 ? 0 : (0xffffffff << (32 - kept)) >>> 0);
  });
}

function parseBlocks(): readonly Block[] {
  return blocks.map(([prefix, bits, addressClass]) => {
    const words = new Uint32Array(addressWords);
    parseAddress(prefix, words);
    const masks = maskOf(isIPv4(prefix) ? bits + 96 : bits);
    return { masks, words, classId: addressClasses.indexOf(addressClass) };
  });
}

/** Parsed for the first address: Node takes five milliseconds to know an IPv6 address for what it is. */
let parsedBlocks: readonly Block[] | undefined;

const publicClass = addressClasses.indexOf("public");

/** The class of an address, as an index into {@link addressClasses}. Allocates nothing. */
export function classOf(w0: number, w1: number, w2: number, w3: number): number {
  for (const { masks, words, classId } of (parsedBlocks ??= parseBlocks())) {
    const differing =
      ((w0 ^ (words[0] as number)) & (masks[0] as number)) |
      ((w1 ^ (words[1] as number)) & (masks[1] as number)) |
      ((w2 ^ (words[2] as number)) & (masks[2] as number)) |
      ((w3 ^ (words[3] as number)) & (masks[3] as number));
    if (differing === 0) {
      return classId;
    }
  }
  return publicClass;
}
