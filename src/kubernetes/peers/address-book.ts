/** Which service or pod an address and a port belong to. */
import { KeyTable } from "../../metrics/key-table.js";
import { addressWords, parseAddress } from "../../net/address-words.js";

/** A service, or a pod of it, that has an address. */
export interface Claim {
  readonly service: string;
  readonly namespace: string;
  /** The pod behind the address; "" for a service's own address. */
  readonly pod: string;
  /** The id that a lookup of the address returns. */
  readonly peer: number;
}

/** An address with the ports at which a claim holds; 0 for any. */
export interface Place {
  readonly address: string;
  readonly ports: readonly number[];
  readonly claim: Claim;
}

/** In place of a peer: no claim, or several that contradict each other. */
const noPeer = -1;

function isBefore(a: Claim, b: Claim): boolean {
  return a.namespace < b.namespace || (a.namespace === b.namespace && a.service < b.service);
}

/** Claims by address and port. Looking one up allocates nothing. */
export class AddressBook {
  /** The most addresses with ports that are kept. */
  readonly limit: number;
  readonly #table = new KeyTable(addressWords + 1);
  readonly #key = new Uint32Array(addressWords + 1);
  /** By id of the table, sorted by namespace and service. */
  readonly #claims: (Claim[] | undefined)[] = [];
  /** By id. */
  readonly #peers: number[] = [];
  #refused = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Addresses with ports that are known. */
  get size(): number {
    return this.#table.size;
  }

  /** How often an address was not stored because of the limit. */
  get refused(): number {
    return this.#refused;
  }

  /** Enters a place; what is no IP address is left out. */
  add({ address, ports, claim }: Place): void {
    if (!parseAddress(address, this.#key)) {
      return;
    }
    for (const port of ports) {
      const id = this.#idOf(port);
      if (id === undefined) {
        this.#refused++;
        continue;
      }
      const claims = this.#claims[id];
      if (claims === undefined) {
        // Nearly always the only one; an array that grows has room for seventeen.
        this.#claims[id] = [claim];
      } else {
        const position = claims.findIndex((other) => isBefore(claim, other));
        claims.splice(position < 0 ? claims.length : position, 0, claim);
      }
      this.#choosePeer(id, port);
    }
  }

  /** Takes back what {@link add} was given: the same claim. */
  remove({ address, ports, claim }: Place): void {
    if (!parseAddress(address, this.#key)) {
      return;
    }
    for (const port of ports) {
      this.#key[addressWords] = port;
      const id = this.#table.find(this.#key);
      const claims = this.#claims[id];
      const position = claims?.indexOf(claim) ?? -1;
      if (claims === undefined || position < 0) {
        continue;
      }
      claims.splice(position, 1);
      if (claims.length === 0) {
        this.#claims[id] = undefined;
        this.#table.remove(id);
      } else {
        this.#choosePeer(id, port);
      }
    }
  }

  /** What the claim on an address and port, or else on the address at any port, gives; -1 when there is none. */
  find(w0: number, w1: number, w2: number, w3: number, port: number): number {
    const id = this.#lookUp(w0, w1, w2, w3, port);
    return id < 0 ? noPeer : (this.#peers[id] as number);
  }

  /** The claim by which {@link find} goes. */
  claim(w0: number, w1: number, w2: number, w3: number, port: number): Claim | undefined {
    const id = this.#lookUp(w0, w1, w2, w3, port);
    return id < 0 || this.#peers[id] === noPeer ? undefined : this.#claims[id]?.[0];
  }

  #lookUp(w0: number, w1: number, w2: number, w3: number, port: number): number {
    const key = this.#key;
    key[0] = w0;
    key[1] = w1;
    key[2] = w2;
    key[3] = w3;
    key[addressWords] = port;
    const exact = this.#table.find(key);
    if (exact >= 0) {
      return exact;
    }
    key[addressWords] = 0;
    return this.#table.find(key);
  }

  #idOf(port: number): number | undefined {
    this.#key[addressWords] = port;
    const found = this.#table.find(this.#key);
    if (found >= 0) {
      return found;
    }
    return this.#table.size < this.limit ? this.#table.add(this.#key) : undefined;
  }

  /**
   * Decides between several claims: the first by namespace and service. Only pods that share their node's address claim one address
   * for different pods; at a port that none of them has, the peer is unknown.
   */
  #choosePeer(id: number, port: number): void {
    const claims = this.#claims[id] as Claim[];
    const first = claims[0] as Claim;
    const isShared = port === 0 && claims.some(({ pod }) => pod !== first.pod);
    this.#peers[id] = isShared ? noPeer : first.peer;
  }
}
