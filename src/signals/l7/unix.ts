/** Requests over Unix sockets: what the kernel has to know before, and the names of these. */
import { type BpfMap, type Dimension, type Running, type SignalContext } from "ringtap/signal";

import { L7Event } from "./records.js";

/** UNIX_NAME_LEN of bpf/l7/unix_name.h. */
const nameBytes = 112;

/** Names that are shown at once; further ones are `~other`. */
const mostNames = 1024;

const nameMap = "unix_names";

/** Programs and maps that a signal without Unix sockets does without, and the sizes of its maps. */
export const unixPrograms = ["l7_old_unix"];
export const noUnixSizes = { old_unix: 1, [nameMap]: 1 };

/** A record with the ends of a connection. */
interface EndsRecord {
  readonly localPort: number;
  readonly remotePort: number;
  /** Of a Unix socket, the first word is the number of its name; 0 where it has none. */
  localAddress(index: number): number;
}

/** Is a record's connection one over Unix sockets? Those have no ports. */
export function isOverUnix({ localPort, remotePort }: EndsRecord): boolean {
  return localPort === 0 && remotePort === 0;
}

/** A name as text; an abstract one begins with `@`, as in /proc/net/unix. */
export function unixNameText(bytes: Uint8Array): string {
  const isAbstract = bytes[0] === 0;
  let length = bytes.length;
  while (length > 0 && bytes[length - 1] === 0) {
    length--;
  }
  const name = Buffer.from(bytes.buffer, bytes.byteOffset, length).toString("utf8").split("\0");
  return isAbstract ? `@${name.slice(1).join("@")}` : (name[0] ?? "");
}

/** The names of Unix sockets by the numbers that records have. */
export class UnixNames {
  readonly memoryAtLimit = mostNames * 2 * nameBytes;
  readonly #map: BpfMap;
  readonly #names = new Map<number, string>();
  readonly #peers = new Map<number, number>();

  constructor(context: Pick<SignalContext, "map">) {
    this.#map = context.map(nameMap);
  }

  /** The name of a record's socket; undefined where neither end has one. */
  of(record: EndsRecord): string | undefined {
    const number = record.localAddress(0);
    if (number === 0) {
      return undefined;
    }
    const known = this.#names.get(number);
    if (known !== undefined) {
      return known;
    }
    if (this.#names.size >= mostNames) {
      return "~other";
    }
    this.#read();
    return this.#names.get(number);
  }

  /** The peer in a record as an id of a directory's dimension: its service is the name. */
  peerOf(dimension: Dimension, record: EndsRecord): number {
    const number = record.localAddress(0);
    let peer = this.#peers.get(number);
    if (peer === undefined) {
      const name = this.of(record) ?? "";
      peer = dimension.intern(...dimension.names.map((label) => (label === "peer_service" ? name : "")));
      if (this.#names.has(number)) {
        this.#peers.set(number, peer);
      }
    }
    return peer;
  }

  #read(): void {
    const count = this.#map.readAll();
    const keys = new Uint32Array(this.#map.keys);
    for (let entry = 0; entry < count && this.#names.size < mostNames; entry++) {
      this.#names.set(
        keys[entry] as number,
        unixNameText(new Uint8Array(this.#map.values, entry * nameBytes, nameBytes)),
      );
    }
  }
}

/** Has the kernel know the sockets that there were before, so that all others are new. */
export function withUnix(context: SignalContext, running: Running<L7Event>): Running<L7Event> {
  const scan = context.scan("l7_old_unix", L7Event);
  return {
    ...running,
    attached: async () => {
      await running.attached?.();
      await scan.run(() => undefined);
    },
  };
}
