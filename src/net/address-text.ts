/** IP addresses as text. */

/** An address in its usual notation (RFC 5952 for IPv6) by its words, as BPF records have them; an IPv4 address is the first. */
export function addressText(word: (index: number) => number, isIpv6: boolean): string {
  const bytes = Buffer.alloc(16);
  for (let index = 0; index < 4; index++) {
    bytes.writeUInt32LE(word(index), 4 * index);
  }
  if (!isIpv6) {
    return bytes.subarray(0, 4).join(".");
  }
  const groups = bytes.toString("hex").match(/.{4}/g) ?? [];
  // The URL parser writes a host in brackets by the WHATWG standard's rules, which are those of RFC 5952.
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}
