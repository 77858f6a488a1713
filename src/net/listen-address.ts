/** `--web.listen-address`: its syntax, and the error when listening fails. */
import type { AddressInfo, ListenOptions } from "node:net";

const flag = "--web.listen-address";

/** The same for a Unix socket. */
const pathFixes: Readonly<Record<string, string>> = {
  EADDRINUSE: "a program listens there already, or the file is no socket; stop it, or choose another path",
  // libuv says the same of a folder that does not exist (uv__pipe_bind).
  EACCES: "the folder does not exist, or is not writable for this user; make it, or choose another path",
};

/** Where to listen. */
export interface ListenAddress {
  /** As the user wrote it. */
  readonly text: string;
  /**
   * What `net.Server.listen` takes: a host and a port (without a host, on all interfaces; port 0 lets the kernel choose), the path of a
   * Unix socket, or the descriptor of a socket that listens already.
   */
  readonly options: Pick<ListenOptions, "host" | "port" | "path"> | { readonly fd: number };
}

const unixPattern = /^unix:(.+)$/;
/** A socket that this process was started with. */
const descriptorPattern = /^fd:\/\/(\d+)$/;

/** The longest path of a Unix socket, bytes: `sun_path` of `struct sockaddr_un` without its final NUL (unix(7)). */
const longestSocketPath = 107;

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

/** Reads `HOST:PORT`, `[IPV6]:PORT`, `:PORT`, `unix:PATH` or `fd://NUMBER`; throws when the text is none of them. */
export function parseListenAddress(text: string): ListenAddress {
  const path = unixPattern.exec(text)?.[1];
  if (path !== undefined) {
    if (Buffer.byteLength(path) > longestSocketPath) {
      throw new Error(
        `${flag} ${JSON.stringify(text)}: the path of a Unix socket has at most ${longestSocketPath} bytes`,
      );
    }
    return { text, options: { path } };
  }
  const descriptor = descriptorPattern.exec(text)?.[1];
  if (descriptor !== undefined) {
    return { text, options: { fd: Number(descriptor) } };
  }
  const [, bracketed, bare, portText = ""] = pattern.exec(text) ?? [];
  const host = bracketed ?? bare;
  if (host === undefined || (bare !== undefined && portText.includes(":"))) {
    throw new Error(`${flag} ${JSON.stringify(text)}: expected HOST:PORT, [IPV6]:PORT, :PORT or unix:PATH`);
  }
  const port = /^[0-9]+$/.test(portText) ? Number(portText) : NaN;
  if (!(port <= 65_535)) {
    throw new Error(`${flag} ${JSON.stringify(text)}: port must be 0–65535`);
  }
  return { text, options: host === "" ? { port } : { host, port } };
}

/** The address of a server that listens, of a Unix socket its path, in the form {@link parseListenAddress} reads. */
export function formatAddress(address: AddressInfo | string): string {
  if (typeof address === "string") {
    return `unix:${address}`;
  }
  const { address: host, port } = address;
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** Is a server that listens at this address reached from this machine only, by IP? */
export function isLoopback(address: AddressInfo | string): boolean {
  return typeof address !== "string" && (address.address === "::1" || address.address.startsWith("127."));
}

/** The error to show for a failed listen: flag, address, cause, fix. */
export function listenError(address: ListenAddress, cause: NodeJS.ErrnoException): Error {
  if ("fd" in address.options) {
    return new Error(`--web.systemd-socket: descriptor ${address.options.fd} is no socket to listen at`, { cause });
  }
  const isPath = "path" in address.options;
  const fix = (isPath ? pathFixes : fixes)[cause.code ?? ""] ?? cause.message;
  return new Error(`${flag} ${JSON.stringify(address.text)}: ${fix}`, { cause });
}
