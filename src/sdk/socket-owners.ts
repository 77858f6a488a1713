/** Events of sockets whose process the kernel does not tell when they happen: bpf/include/ringtap/socket_owner.h. */
import { type ActorRecord, type RecordView } from "../binding/record.js";
import { type Owner, startInKey, actorKeyAt, CountedActor } from "./counters.js";
import type { Identity } from "../identity/identity.js";
import type { Scan } from "./signal.js";

/** What the iterator says of a socket: struct socket_owner. */
export interface SocketOwnerRecord extends RecordView, ActorRecord {
  readonly socket: number;
  readonly drops: number;
  readonly listens: number;
}

/** A line of a socket is freed after so long, milliseconds; what is counted from then on begins another. */
const lineMs = 30_000;

/** The shortest time from one search that no scrape asks for to the next, milliseconds: maintenance that waits comes every 5 s. */
const findPauseMs = 4_000;

/** The socket that a key of socket_key() counts for; 0: none. */
export function socketInKey(key: Uint32Array): number {
  return startInKey(key, actorKeyAt.start);
}

/** The owner of lines whose keys socket_key() has made: {@link CounterOptions.owner}, with `outlivesOwner`. */
export function socketLineOwner(key: Uint32Array, firstRead: number): Owner {
  return socketInKey(key) === 0 || performance.now() - firstRead < lineMs ? "alive" : "ended";
}

/** Differences that wait until it is known whose they are. */
interface Waiting {
  readonly socket: number;
  /** The labels of an unknown process in the socket's control group. */
  readonly unknown: number;
  readonly add: (subject: number) => void;
}

/** Finds the processes that hold sockets. */
export class SocketOwners<R extends SocketOwnerRecord> {
  readonly #identity: Identity;
  readonly #scan: Scan<R>;
  readonly #actor = new CountedActor();
  #waiting: Waiting[] = [];
  #scanned = performance.now();

  constructor(identity: Identity, scan: Scan<R>) {
    this.#identity = identity;
    this.#scan = scan;
  }

  /** `add` is called with the subject of the process that holds the key's socket, when that is known: at the next {@link find}. */
  hold(key: Uint32Array, add: (subject: number) => void): void {
    const unknown = this.#identity.subject(this.#identity.of(this.#actor.moveTo(key)));
    const socket = socketInKey(key);
    if (socket === 0) {
      add(unknown);
    } else {
      this.#waiting.push({ socket, unknown, add });
    }
  }

  /** The same as {@link find} between scrapes, some seconds after the last time: so not much waits though no one scrapes. */
  async findWhenDue(): Promise<void> {
    if (performance.now() - this.#scanned > findPauseMs) {
      await this.find();
    }
  }

  /**
   * Goes through the files of all processes, and adds what waits: to the first process that holds a socket, or to none in the socket's
   * control group. `each` sees every socket. Does nothing when nothing waits and there is no `each`.
   */
  async find(each?: (record: R, subject: () => number) => void): Promise<void> {
    const waiting = this.#waiting;
    if (waiting.length === 0 && each === undefined) {
      return;
    }
    this.#waiting = [];
    this.#scanned = performance.now();
    const wanted = new Set(waiting.map(({ socket }) => socket));
    const subjects = new Map<number, number>();
    await this.#scan.run((record) => {
      const subject = (): number => this.#identity.subject(this.#identity.of(record));
      each?.(record, subject);
      if (wanted.delete(record.socket)) {
        subjects.set(record.socket, subject());
      }
    });
    for (const { socket, unknown, add } of waiting) {
      add(subjects.get(socket) ?? unknown);
    }
  }
}
