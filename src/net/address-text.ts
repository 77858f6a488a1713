/** IP addresses as text. */
import { mappedWord, swapBytes } from "./address-words.js";

function ipv4Text(word: number): string {
  return `${word & 0xff}.${(word >>> 8) & 0xff}.${(word >>> 16) & 0xff}.${word >>> 24}`;
}

/** The longest run of at least two groups of 0, the first of several; it is empty when there is none. */
function longestZeros(groups: readonly number[]): { start: number; end: number } {
  let best = { start: 0, end: 0 };
  for (let start = 0; start < groups.length; start++) {
    let end = start;
    while (groups[end] === 0) {
      end++;
    }
    if (end - start > Math.max(1, best.end - best.start)) {
      best = { start, end };
    }
  }
  return best;
}

function groupsText(groups: readonly number[]): string {
  return groups.map((group) => group.toString(16)).join(":");
}

function ipv6Text(words: readonly number[]): string {
  const [first, second, third, last = 0] = words;
  if (first === 0 && second === 0 && third === mappedWord) {
    return `::ffff:${ipv4Text(last)}`;
  }
  const groups = words.flatMap((word) => [swapBytes(word) >>> 16, swapBytes(word) & 0xffff]);
  const { start, end } = longestZeros(groups);
  return start === end ? groupsText(groups) : `${groupsText(groups.slice(0, start))}::${groupsText(groups.slice(end))}`;
}

/**
 * An address in the notation of RFC 5952 by its words, as BPF records have them (address-words.ts); an IPv4 address is the first word.
 * An IPv4-mapped address is written as `::ffff:192.0.2.1` (section 5 of the RFC).
 */
export function addressText(word: (index: number) => number, isIpv6: boolean): string {
  return isIpv6 ? ipv6Text([word(0), word(1), word(2), word(3)]) : ipv4Text(word(0));
}
