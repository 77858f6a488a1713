/** The other ends of connections, where series shall tell them. */
import type { Dimension } from "../metrics/dimension.js";

/** Knows who is at an address. Words are in network order, read as little-endian. Neither look-up may allocate. */
export interface PeerDirectory {
  /** The labels of peers. */
  readonly dimension: Dimension;
  /** The peer at an IPv4 address and port, as an id of `dimension`. */
  idOfIpv4(address: number, port: number): number;
  /** The peer at an IPv6 address and port. */
  id(w0: number, w1: number, w2: number, w3: number, port: number): number;
}

/** `family` of records with addresses: enum ip_family of bpf/include/ringtap/endpoints.h. */
const ipv4 = 0;

/** The far end in a record. */
export interface RemoteEnd {
  readonly family: number;
  readonly remotePort: number;
  remoteAddress(index: number): number;
}

/** The peer in a record, as an id of the directory's dimension; 0 without a directory. */
export function peerOf(peers: PeerDirectory | undefined, record: RemoteEnd): number {
  if (peers === undefined) {
    return 0;
  }
  const { remotePort } = record;
  return record.family === ipv4
    ? peers.idOfIpv4(record.remoteAddress(0), remotePort)
    : peers.id(
        record.remoteAddress(0),
        record.remoteAddress(1),
        record.remoteAddress(2),
        record.remoteAddress(3),
        remotePort,
      );
}

/** Labels of a few fixed tuples, each with any peer's added to it. */
export class DetailsByPeer {
  readonly dimension: Dimension;
  readonly #details: readonly (readonly string[])[];
  readonly #peers: Dimension | undefined;
  /** By peer and detail. */
  readonly #ids: number[] = [];

  /** `dimension` has the labels of `details`, then those of the directory. */
  constructor(dimension: Dimension, details: readonly (readonly string[])[], peers: PeerDirectory | undefined) {
    this.dimension = dimension;
    this.#details = details;
    this.#peers = peers?.dimension;
  }

  /**
   * The tuple at an index of `details` with a peer, as an id of `dimension`; its `other` where there is no such index. Allocates
   * nothing for one that has been asked for.
   */
  id(detail: number | undefined, peer: number): number {
    const values = detail === undefined ? undefined : this.#details[detail];
    if (detail === undefined || values === undefined) {
      return this.dimension.other;
    }
    const place = peer * this.#details.length + detail;
    return (this.#ids[place] ??= this.dimension.intern(...values, ...(this.#peers?.values(peer) ?? [])));
  }
}
