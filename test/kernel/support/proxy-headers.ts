/** Headers of the PROXY protocol, as HAProxy's doc/proxy-protocol.txt defines them, in Latin-1. */

const signature = "\r\n\r\n\0\r\nQUIT\n";
const addresses = "\x7f\0\0\x01\xc0\0\x02\x01\x9c\x40\0\x50";

/** Of version 2: its command and family, and what follows them. */
function binary(command: number, family: number, rest: string): string {
  return `${signature}${String.fromCharCode(0x20 | command, family, rest.length >> 8, rest.length & 255)}${rest}`;
}

export const proxyHeaders = {
  tcp4: "PROXY TCP4 192.0.2.1 127.0.0.1 40000 80\r\n",
  /** As long as one of version 1 can be. */
  longest: `PROXY UNKNOWN ${`${"f".repeat(4)}:`.repeat(7)}ffff ${`${"f".repeat(4)}:`.repeat(7)}ffff 65535 65535\r\n`,
  unknown: "PROXY UNKNOWN\r\n",
  binary: binary(1, 0x11, addresses),
  /** Of a proxy's own connection, as for its checks. */
  local: binary(0, 0, ""),
  /** Of a family that is in no document, with what looks like a request of HTTP. */
  otherFamily: binary(1, 0xf7, "GET / HTTP/1.1\r\n\r\n"),
  /** With a TLV (PP2_TYPE_NOOP) as long as one can be. */
  tlvs: binary(1, 0x11, `${addresses}\x04\xff\xf0${"\n".repeat(0xfff0)}`),
} as const;
