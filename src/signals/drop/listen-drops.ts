/** Connections that listening sockets could not take, by the kernel's own count of each socket. */
import type { SignalContext, ValueTable } from "ringtap/signal";

import type { SocketOwner } from "./records.js";

/** The most listening sockets whose counts are known; what further ones drop is not counted. */
const mostListeners = 65_536;

/** Bytes of one of them in a map, by what the heap grows by. */
const listenerBytes = 64;

/**
 * Counts what sockets have dropped since they were last seen. One that comes later has dropped all of it since then; what a socket
 * dropped between its last reading and its end is not counted.
 */
export class ListenDrops {
  readonly memoryAtLimit = mostListeners * listenerBytes;
  readonly #table: ValueTable;
  /** By socket. */
  #last: Map<number, number> | undefined;
  #now = new Map<number, number>();

  constructor({ metrics, identity }: SignalContext) {
    this.#table = metrics.counter({
      name: "ringtap_drop_connections_total",
      help: "SYNs and connections that a listening socket dropped, most often because its queue was full.",
      subject: identity.subjects,
    });
  }

  /** A scan begins; what it shows is to be given to the function. */
  begin(): (record: SocketOwner, subject: () => number) => void {
    this.#now = new Map();
    return ({ socket, listens, drops }, subject) => {
      if (listens === 0 || this.#now.has(socket) || this.#now.size >= mostListeners) {
        return;
      }
      this.#now.set(socket, drops);
      const before = this.#last === undefined ? drops : (this.#last.get(socket) ?? 0);
      // Less than before: another socket at the same address.
      const grown = drops >= before ? drops - before : drops;
      if (grown > 0) {
        this.#table.add(subject(), 0, grown);
      }
    };
  }

  /** The scan has shown all. */
  end(): void {
    this.#last = this.#now;
  }
}
