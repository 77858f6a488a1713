/** Which clients may connect, by their certificates: `client_auth_type` and `client_allowed_sans`. */
import { isIPv6, SocketAddress } from "node:net";
import type { TLSSocket } from "node:tls";

/** What is asked of a client. */
export interface ClientPolicy {
  /** Is a certificate asked for at all? */
  readonly asked: boolean;
  readonly required: boolean;
  /** Must one that is given be signed by an authority of `client_ca_file`? */
  readonly verified: boolean;
  /** One of these subject alternative names must be in the certificate; empty for any. */
  readonly allowedNames: readonly string[];
}

/** Names of Go's `tls.ClientAuthType`, and the older name that exporter-toolkit knows too. */
export const clientAuthTypes: ReadonlyMap<string, Omit<ClientPolicy, "allowedNames">> = new Map([
  ["NoClientCert", { asked: false, required: false, verified: false }],
  ["RequestClientCert", { asked: true, required: false, verified: false }],
  ["RequireAnyClientCert", { asked: true, required: true, verified: false }],
  ["RequireClientCert", { asked: true, required: true, verified: false }],
  ["VerifyClientCertIfGiven", { asked: true, required: false, verified: true }],
  ["RequireAndVerifyClientCert", { asked: true, required: true, verified: true }],
]);

/** One name as Node writes it, JSON where it has characters that could be taken for a separator. */
const nodeName = /(DNS|IP Address|email|URI|[^:,]+):("(?:[^"\\]|\\.)*"|[^",]*)(?:, |$)/gy;

/** A name without its JSON; undefined when it is none. */
function unquoted(written: string): string | undefined {
  try {
    return written.startsWith('"') ? (JSON.parse(written) as string) : written;
  } catch {
    return undefined;
  }
}

/**
 * DNS names, addresses (IPv6 in the short form), e-mail addresses and URIs of a certificate, from what
 * `X509Certificate.subjectAltName` says. Names of other kinds are left out, and all from the first that is not written so.
 */
export function alternativeNames(text: string | undefined): readonly string[] {
  const names: string[] = [];
  for (const [, kind = "", written = ""] of (text ?? "").matchAll(nodeName)) {
    const name = unquoted(written);
    if (name === undefined) {
      break;
    }
    if (kind === "IP Address") {
      names.push(isIPv6(name) ? new SocketAddress({ address: name, family: "ipv6" }).address : name);
    } else if (kind === "DNS" || kind === "email" || kind === "URI") {
      names.push(name);
    }
  }
  return names;
}

/** May the client at the other end of a finished handshake go on? */
export function admits(policy: ClientPolicy, socket: TLSSocket): boolean {
  const certificate = policy.asked ? socket.getPeerX509Certificate() : undefined;
  if (certificate === undefined) {
    return !policy.required;
  }
  if (policy.verified && !socket.authorized) {
    return false;
  }
  const { allowedNames } = policy;
  return (
    allowedNames.length === 0 || alternativeNames(certificate.subjectAltName).some((n) => allowedNames.includes(n))
  );
}
