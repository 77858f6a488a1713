/**
 * IP addresses as four words: the sixteen bytes of an IPv6 address in network order, read as little-endian words as BPF records have
 * them; an IPv4 address is the IPv4-mapped one (`::ffff:a.b.c.d`).
 */
import { isIPv4, isIPv6 } from "node:net";

/** Words of an address. */
export const addressWords = 4;

/** The third word of an IPv4-mapped address; the first two are 0, and the fourth is the IPv4 address. */
export const mappedWord = 0xffff0000;

/** The value of an IPv4 address as a number, most significant byte first. */
function ipv4Value(text: string): number {
  return text.split(".").reduce((value, part) => value * 256 + Number(part), 0);
}

/** Hexadecimal groups of 16 bits; an IPv4 address at the end is two. */
function groupsOf(text: string): number[] {
  return text === ""
    ? []
    : text.split(":").flatMap((group) => {
        if (!group.includes(".")) {
          return [parseInt(group, 16)];
        }
        const value = ipv4Value(group);
        return [value >>> 16, value & 0xffff];
      });
}

function groupsOfIpv6(text: string): readonly number[] {
  const [head = "", tail] = text.split("::");
  const before = groupsOf(head);
  const after = groupsOf(tail ?? "");
  return [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after];
}

function swapBytes(value: number): number {
  return ((value << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24)) >>> 0;
}

/** Writes the words of an address in its usual notation into `words`; false when it is none. */
export function parseAddress(text: string, words: Uint32Array): boolean {
  if (isIPv4(text)) {
    words[0] = words[1] = 0;
    words[2] = mappedWord;
    words[3] = swapBytes(ipv4Value(text));
    return true;
  }
  if (!isIPv6(text) || text.includes("%")) {
    return false;
  }
  const groups = groupsOfIpv6(text);
  for (let word = 0; word < addressWords; word++) {
    words[word] = swapBytes(((groups[2 * word] as number) * 65_536 + (groups[2 * word + 1] as number)) >>> 0);
  }
  return true;
}

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

const parsedBlocks: readonly Block[] = blocks.map(([prefix, bits, addressClass]) => {
  const words = new Uint32Array(addressWords);
  parseAddress(prefix, words);
  const masks = maskOf(isIPv4(prefix) ? bits + 96 : bits);
  return { masks, words, classId: addressClasses.indexOf(addressClass) };
});

const publicClass = addressClasses.indexOf("public");

/** The class of an address, as an index into {@link addressClasses}. Allocates nothing. */
export function classOf(w0: number, w1: number, w2: number, w3: number): number {
  for (const { masks, words, classId } of parsedBlocks) {
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
