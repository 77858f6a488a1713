/** Who is at the other end of a connection: from address and port to the Service behind it. */
import { isDeepStrictEqual } from "node:util";

import { Dimension } from "../../metrics/dimension.js";
import { AddressBook, type Claim, type Place } from "./address-book.js";
import { addressClasses, classOf } from "../../net/address-class.js";
import { mappedWord } from "../../net/address-words.js";
import type { Resource, Sink } from "../client/follower.js";
import { at, listAt, textAt, textsAt } from "../client/json-path.js";

export const services: Resource = { name: "services", path: "/api/v1/services" };
export const endpointSlices: Resource = { name: "endpointslices", path: "/apis/discovery.k8s.io/v1/endpointslices" };

/** Labels that say who a peer is. */
export type PeerLabel = "peer_service" | "peer_namespace";

/** Who is at an address. */
export interface PeerMetadata {
  readonly service: string;
  readonly namespace: string;
  /** "" for a service's own address. */
  readonly pod: string;
}

export interface PeersOptions {
  /** Default: both. */
  readonly labels?: readonly PeerLabel[];
  /** The most services with a label value of their own, deleted ones among them; further ones are `~other`. Default 10,000. */
  readonly services?: number;
  /** The most addresses with ports that are known. Default 200,000. */
  readonly addresses?: number;
}

/** The Service that a slice belongs to (kubernetes/kubernetes, staging/src/k8s.io/api/discovery/v1/well_known_labels.go). */
const serviceLabel = "kubernetes.io/service-name";

const anyPort = 0;

function portsOf(owner: unknown, ...path: readonly string[]): readonly number[] {
  return listAt(owner, ...path)
    .map((port) => at(port, "port"))
    .filter((port) => typeof port === "number");
}

/** What an address with a port takes, the services and slices that name it included: bytes, at most (memory-budget.test.ts). */
const addressMemory = 400;

/** The addresses of a service or slice, as they were entered. */
interface Entry {
  /** What they were made from: if it is the same again, there is nothing to do. */
  readonly source: readonly unknown[];
  readonly places: readonly Place[];
}

/**
 * The peers of the cluster, fed by Followers of {@link services} and {@link endpointSlices}, as ids of `dimension`.
 *
 * The address of an endpoint at its port, and a service's own address at any port, is the service. The address of an endpoint at
 * another port, as a client pod has one, is the (first) service that the pod belongs to. Everything else goes by its class
 * only: `~loopback`, `~private`, `~public`, ….
 */
export class Peers {
  readonly dimension: Dimension;
  readonly services: Sink;
  readonly endpointSlices: Sink;
  readonly #labels: readonly PeerLabel[];
  readonly #limit: number;
  readonly #book: AddressBook;
  /** Ids of the dimension by `namespace/service`. They stay: series that show them may come back. */
  readonly #ids = new Map<string, number>();
  /** By index of an address class. */
  readonly #classIds: readonly number[];

  constructor(options: PeersOptions = {}) {
    const { labels = ["peer_service", "peer_namespace"], services: limit = 10_000, addresses = 200_000 } = options;
    this.#labels = labels;
    this.#limit = limit;
    this.#book = new AddressBook(addresses);
    this.dimension = new Dimension(labels);
    this.#classIds = addressClasses.map((name) => this.#intern(`~${name}`, ""));
    this.services = this.#sink((value) => this.#readService(value));
    this.endpointSlices = this.#sink((value) => this.#readSlice(value));
  }

  /** Bytes at the most, at the limit of addresses. */
  get memoryAtLimit(): number {
    return this.#book.limit * addressMemory;
  }

  /** Addresses with ports that are known. */
  get addresses(): number {
    return this.#book.size;
  }

  /** How often an address was not stored because of the limit: its peer goes by the address class. */
  get refusedAddresses(): number {
    return this.#book.refused;
  }

  /**
   * The peer at an address, as an id of `dimension`. The words are those of {@link parseAddress}: for IPv4, `0, 0, mappedWord` and the
   * address. Allocates nothing.
   */
  id(w0: number, w1: number, w2: number, w3: number, port: number): number {
    const known = this.#book.find(w0, w1, w2, w3, port);
    return known >= 0 ? known : (this.#classIds[classOf(w0, w1, w2, w3)] as number);
  }

  /** The same for an IPv4 address, which is one word. */
  idOfIpv4(address: number, port: number): number {
    return this.id(0, 0, mappedWord, address, port);
  }

  /** The service and the pod at an address; undefined when it is none of the cluster's. */
  find(w0: number, w1: number, w2: number, w3: number, port: number): PeerMetadata | undefined {
    const claim = this.#book.claim(w0, w1, w2, w3, port);
    return claim && { service: claim.service, namespace: claim.namespace, pod: claim.pod };
  }

  #sink(read: (value: unknown) => Entry): Sink {
    const entries = new Map<string, Entry>();
    const remove = (uid: string): void => {
      entries.get(uid)?.places.forEach((place) => this.#book.remove(place));
      entries.delete(uid);
    };
    return {
      put: (uid, value) => {
        const entry = read(value);
        if (isDeepStrictEqual(entry.source, entries.get(uid)?.source)) {
          return;
        }
        remove(uid);
        entries.set(uid, entry);
        entry.places.forEach((place) => this.#book.add(place));
      },
      remove: remove,
    };
  }

  #readService(value: unknown): Entry {
    const claim = this.#claim(textAt(value, "metadata", "name"), textAt(value, "metadata", "namespace"), "");
    // A headless service has "None", which is no address; older API servers know only the singular.
    const own = new Set([textAt(value, "spec", "clusterIP"), ...textsAt(value, "spec", "clusterIPs")]);
    const outer = [
      ...textsAt(value, "spec", "externalIPs"),
      ...listAt(value, "status", "loadBalancer", "ingress").map((ingress) => textAt(ingress, "ip")),
    ];
    const ports = portsOf(value, "spec", "ports");
    return {
      source: [claim.service, claim.namespace, [...own], outer, ports],
      places: [
        ...Array.from(own, (address) => ({ address, ports: [anyPort], claim })),
        // These may be addresses of nodes, which have other ports too.
        ...outer.map((address) => ({ address, ports, claim })),
      ],
    };
  }

  #readSlice(value: unknown): Entry {
    const service = textAt(value, "metadata", "labels", serviceLabel);
    const namespace = textAt(value, "metadata", "namespace");
    const ports = [anyPort, ...portsOf(value, "ports")];
    const endpoints = listAt(value, "endpoints").map((endpoint) => ({
      pod: textAt(endpoint, "targetRef", "kind") === "Pod" ? textAt(endpoint, "targetRef", "name") : "",
      addresses: textsAt(endpoint, "addresses"),
    }));
    // A slice that belongs to no service names no peer.
    const places = (service === "" ? [] : endpoints).flatMap(({ pod, addresses }) => {
      const claim = this.#claim(service, namespace, pod);
      return addresses.map((address) => ({ address, ports, claim }));
    });
    return { source: [service, namespace, ports, endpoints], places };
  }

  #claim(service: string, namespace: string, pod: string): Claim {
    return { service, namespace, pod, peer: this.#serviceId(service, namespace) };
  }

  #serviceId(service: string, namespace: string): number {
    const key = `${namespace}/${service}`;
    const known = this.#ids.get(key);
    if (known !== undefined) {
      return known;
    }
    if (this.#ids.size >= this.#limit) {
      return this.dimension.other;
    }
    const id = this.#intern(service, namespace);
    this.#ids.set(key, id);
    return id;
  }

  #intern(service: string, namespace: string): number {
    const values = { peer_service: service, peer_namespace: namespace };
    return this.dimension.intern(...this.#labels.map((label) => values[label]));
  }
}
