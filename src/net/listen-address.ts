/** `--web.listen-address`: its syntax, and the error when listening fails. */
import type { AddressInfo } from "node:net";

const flag = "--web.listen-address";

/** Where to listen; without a host, on all interfaces. Port 0 lets the kernel choose. */
export interface ListenAddress {
  /** As the user wrote it. */
  readonly text: string;
  readonly host: string | undefined;
  readonly port: number;
}

/** `host:port`, with an IPv6 host in brackets. */
const pattern = /^(?:\[([^\]]+)\]|([^:[\]]*)):(.*)$/;

/** How to fix what listening failed with, by the code of the error. */
const fixes: Readonly<Record<string, string>> = {
  EADDRINUSE: "the port is in use; stop the program that has it (`ss -ltnp` names it) or choose another port",
  EACCES: "ports below 1024 need the capability CAP_NET_BIND_SERVICE; grant it or choose a higher port",
  EADDRNOTAVAIL: "no interface has this address; take one that `ip address` lists, or :PORT for all",
  ENOTFOUND: "the host name does not resolve; write an IP address",
  EAI_AGAIN: "the host name does not resolve for now; write an IP address",
};

/** Reads `HOST:PORT`, `[IPV6]:PORT` or `:PORT`; throws when the text is none of them. */
export function parseListenAddress(text: string): ListenAddress {
  const [, bracketed, bare, portText = ""] = pattern.exec(text) ?? [];
  const host = bracketed ?? bare;
  if (host === undefined || (bare !== undefined && portText.includes(":"))) {
    throw new Error(`${flag} ${JSON.stringify(text)}: expected HOST:PORT, [IPV6]:PORT or :PORT`);
  }
  const port = /^[0-9]+$/.test(portText) ? Number(portText) : NaN;
  if (!(port <= 65_535)) {
    throw new Error(`${flag} ${JSON.stringify(text)}: port must be 0–65535`);
  }
  return { text, host: host === "" ? undefined : host, port };
}

/** The address of a server that listens, in the form {@link parseListenAddress} reads. */
export function formatAddress({ address, port }: AddressInfo): string {
  return `${address.includes(":") ? `[${address}]` : address}:${port}`;
}

/** The error to show for a failed listen: flag, address, cause, fix. */
export function listenError(address: ListenAddress, cause: NodeJS.ErrnoException): Error {
  const fix = fixes[cause.code ?? ""] ?? cause.message;
  return new Error(`${flag} ${JSON.stringify(address.text)}: ${fix}`, { cause });
}
