/** IP addresses as text. */

/** An address of 16 bytes in its usual notation (RFC 5952 for IPv6); an IPv4 address lies in the first four. */
export function addressText(bytes: Uint8Array, isIpv6: boolean): string {
  if (!isIpv6) {
    return bytes.subarray(0, 4).join(".");
  }
  const groups = Buffer.from(bytes).toString("hex").match(/.{4}/g) ?? [];
  // The URL parser writes a host in brackets by the WHATWG standard's rules, which are those of RFC 5952.
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}
