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

/** Reverses the bytes of a word: between network order and the order of the words. */
export function swapBytes(value: number): number {
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
