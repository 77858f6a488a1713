/** What tells one link from another, in words. */
import { actorWords, addressText, type KeyTable, type LinkEnds, type RemoteEnd } from "ringtap/signal";
import { IpFamily, TcpRole, type TcpEvent, type TcpSample } from "./records.js";

/** Where words lie: the actor's, role and family, the port of the service, the addresses of this end and of the far one. */
const roleAt = actorWords;
const familyAt = roleAt + 1;
const portAt = familyAt + 1;
const localAt = portAt + 1;
const addressWords = 4;
const remoteAt = localAt + addressWords;
export const linkKeyWords = remoteAt + addressWords;

export type ConnectionRecord = TcpEvent | TcpSample;

/** Writes the key of a connection's link. Allocates nothing. */
export function writeLinkKey(record: ConnectionRecord, key: Uint32Array): void {
  const isServer = record.role === TcpRole.server;
  record.copyActor(key);
  key[roleAt] = record.role;
  key[familyAt] = record.family;
  key[portAt] = isServer ? record.localPort : record.remotePort;
  for (let word = 0; word < addressWords; word++) {
    key[localAt + word] = record.localAddress(word);
    key[remoteAt + word] = record.remoteAddress(word);
  }
}

/** Reads the key of an link that a table holds. */
export function linkEnds(table: KeyTable, id: number): LinkEnds {
  const isServer = table.word(id, roleAt) === TcpRole.server;
  const isIpv6 = table.word(id, familyAt) === IpFamily.ipv6;
  const text = (from: number): string => addressText((word) => table.word(id, from + word), isIpv6);
  const local = text(localAt);
  const remote = text(remoteAt);
  return {
    pid: table.word(id, 0),
    role: isServer ? "server" : "client",
    address: isServer ? local : remote,
    port: table.word(id, portAt),
    local,
    remote,
  };
}

/** The far end of an link that a table holds; port 0 where it may be any. */
export function farEnd(table: KeyTable, id: number): RemoteEnd {
  return {
    family: table.word(id, familyAt),
    remotePort: table.word(id, roleAt) === TcpRole.server ? 0 : table.word(id, portAt),
    remoteAddress: (word) => table.word(id, remoteAt + word),
  };
}
