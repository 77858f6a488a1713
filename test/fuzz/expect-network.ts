/** From what the program's calls returned, and what sock_diag(7) said meanwhile, to connects, accepts and bytes. */
import { add, type Counts, errnoName } from "./counts.js";
import type { Call } from "./run.js";

/** States of include/net/tcp_states.h; 0: sock_diag(7) does not show the socket. */
const synSent = 2;
const closed = 7;
/** ESTABLISHED and CLOSE_WAIT. */
const openStates = new Set([1, 8]);
/** Those, FIN_WAIT1, FIN_WAIT2, LAST_ACK and CLOSING: an attempt has succeeded. */
const establishedStates = new Set([1, 4, 5, 8, 9, 11]);

const resultOf: Readonly<Record<string, string>> = {
  ECONNREFUSED: "refused",
  ETIMEDOUT: "timed_out",
  ENETUNREACH: "unreachable",
  EHOSTUNREACH: "unreachable",
  ECONNRESET: "aborted",
  ECONNABORTED: "aborted",
};

/** The attempt goes on. EINTR comes without a POSIX signal, from what io_uring still has the thread do. */
const goingOn = new Set(["EINPROGRESS", "EAGAIN", "ECANCELED", "EINTR"]);

/** A call that may have begun an active open. */
interface Attempt {
  readonly pid: number;
  readonly comm: string;
  readonly family: string;
  readonly cookie: string;
  /** Has sock_diag(7) shown the connection? */
  wasEstablished: boolean;
  /** Is its outcome known? */
  hasEnded: boolean;
}

/** What a socket is in the course of the run; it may have one connection after the other. */
interface Socket {
  state: number;
  /** Of its connection, the last that was read. */
  received: number;
  /** The process that connects or has accepted; undefined while it waits to be accepted. */
  owner: { readonly pid: number; readonly role: "client" | "server" } | undefined;
  /** The last one that has returned before its outcome was known. */
  pending: Attempt | undefined;
  /** Will another connect(2) return the outcome of the last attempt? `struct socket` is SS_CONNECTING. */
  isConnecting: boolean;
  /** The same, where io_uring has returned the error and left, on most kernels, ECONNABORTED to connect(2): io_connect(). */
  mayReturnAborted: boolean;
  wasEstablished: boolean;
}

/** Adds up the connects, accepts and bytes of a run, call by call. */
export class NetworkCounts {
  readonly #counts: Counts;
  readonly #sockets = new Map<string, Socket>();
  /** By the line of the operation: calls that are under way. */
  readonly #attempts = new Map<number, Attempt>();
  /** Passive opens that no accept has returned, once the log has ended. */
  notAccepted = 0;
  /** Connections without a process that are not over: they may yet send something again, or a RST, which the run has not seen. */
  left = 0;

  constructor(counts: Counts) {
    this.#counts = counts;
  }

  read(call: Call): void {
    const socket = this.#socket(call.a);
    switch (call.what) {
      case "state":
        this.#enter(socket, call.a, call.b);
        break;
      case "received":
        socket.received = call.b;
        break;
      case "refused":
        if (socket.pending !== undefined) {
          this.#end(socket.pending, "refused");
          socket.pending = undefined;
        }
        break;
      case "begin":
        this.#begin(socket, call);
        break;
      case "connect":
      case "uring":
      case "fastopen":
        this.#return(socket, call);
        break;
      case "accept":
        if (call.error === 0) {
          socket.owner = { pid: call.pid, role: "server" };
          const family = call.b !== 0 ? "ipv6" : "ipv4";
          add(this.#counts, `accepts pid=${call.pid} comm=${call.comm} family=${family}`, 1);
        }
        break;
      case "unspec":
      case "shutdown": // inet_shutdown() disconnects what is in SYN_SENT (net/ipv4/af_inet.c)
        if (call.b === synSent) {
          this.#giveUp(socket, call.a);
        }
        socket.isConnecting = false;
        break;
      case "send":
        this.#send(socket, call);
        break;
    }
  }

  /** The log ends, while the program goes on or at its end. */
  end(isLive: boolean): void {
    for (const socket of this.#sockets.values()) {
      if (socket.pending !== undefined && !(isLive && socket.state === synSent)) {
        this.#end(socket.pending, "aborted");
      }
      this.#endConnection(socket);
      this.left += socket.state === 0 ? 0 : 1;
      if (isLive && socket.owner !== undefined) {
        const { pid, role } = socket.owner;
        add(this.#counts, `open pid=${pid} role=${role}`, openStates.has(socket.state) ? 1 : 0);
      }
    }
  }

  #socket(cookie: string): Socket {
    let socket = this.#sockets.get(cookie);
    if (socket === undefined) {
      socket = {
        state: 0,
        received: 0,
        owner: undefined,
        pending: undefined,
        isConnecting: false,
        mayReturnAborted: false,
        wasEstablished: false,
      };
      this.#sockets.set(cookie, socket);
    }
    return socket;
  }

  #enter(socket: Socket, cookie: string, state: number): void {
    socket.state = state;
    if (establishedStates.has(state)) {
      socket.wasEstablished = true;
      this.#attemptsOf(socket, cookie).forEach((attempt) => {
        attempt.wasEstablished = true;
      });
      if (socket.pending !== undefined) {
        this.#end(socket.pending, "established");
      }
    }
  }

  /** Those that are under way, or have returned before their outcome. */
  #attemptsOf({ pending }: Socket, cookie: string): Attempt[] {
    const underWay = [...this.#attempts.values()].filter((attempt) => attempt.cookie === cookie);
    return pending === undefined ? underWay : [pending, ...underWay];
  }

  /** A socket in SYN_SENT is disconnected: whatever its attempt's call returns, that is its outcome. */
  #giveUp(socket: Socket, cookie: string): void {
    for (const attempt of this.#attemptsOf(socket, cookie)) {
      this.#end(attempt, "aborted");
    }
    socket.pending = undefined;
  }

  #end(attempt: Attempt, result: string): void {
    if (!attempt.hasEnded) {
      attempt.hasEnded = true;
      const { pid, comm, family } = attempt;
      add(this.#counts, `connects pid=${pid} comm=${comm} family=${family} result=${result}`, 1);
    }
  }

  #endConnection(socket: Socket): void {
    if (socket.owner !== undefined) {
      add(this.#counts, `received pid=${socket.owner.pid}`, socket.received);
    } else if (socket.wasEstablished) {
      this.notAccepted++;
    }
    socket.received = 0;
  }

  #begin(socket: Socket, { a: cookie, b, line, pid, comm, word }: Call): void {
    if ((b & 0xff) !== closed) {
      return;
    }
    if (socket.isConnecting && word !== "uring") {
      // It returns how the attempt before it has ended.
      socket.isConnecting = false;
      return;
    }
    if (socket.pending !== undefined) {
      this.#end(socket.pending, "aborted");
      socket.pending = undefined;
    }
    this.#endConnection(socket);
    socket.isConnecting = false;
    socket.owner = { pid, role: "client" };
    const family = b >>> 16 !== 0 ? "ipv6" : "ipv4";
    this.#attempts.set(line, { pid, comm, family, cookie, wasEstablished: false, hasEnded: false });
  }

  #return(socket: Socket, call: Call): void {
    const attempt = this.#attempts.get(call.line);
    this.#attempts.delete(call.line);
    const error = errnoName(call.error);
    if (attempt === undefined || ["EISCONN", "EALREADY"].includes(error)) {
      return;
    }
    const isLastOutcome = socket.mayReturnAborted && error === "ECONNABORTED";
    socket.mayReturnAborted = call.what === "uring" && error === "ECONNREFUSED";
    if (isLastOutcome) {
      return;
    }
    const isPending = goingOn.has(error);
    socket.isConnecting = isPending && !attempt.hasEnded;
    if (isPending && call.b === synSent && !attempt.wasEstablished) {
      socket.pending = attempt.hasEnded ? undefined : attempt;
    } else if (isPending) {
      this.#end(attempt, call.b === closed && !attempt.wasEstablished ? "refused" : "established");
    } else {
      // A socket that was shut down before: the handshake is done, then the data refused (tcp_sendmsg_locked()).
      const isEstablished = call.error === 0 || (error === "EPIPE" && establishedStates.has(call.b));
      const result = isEstablished ? "established" : (resultOf[error] ?? "other");
      // What fails without a SYN counts when connect(2) returns it.
      const hasSent = result !== "other" && result !== "unreachable";
      attempt.hasEnded ||= !hasSent && call.what !== "connect";
      this.#end(attempt, result);
    }
    if (call.what === "fastopen") {
      this.#send(socket, call);
    }
  }

  #send({ owner }: Socket, { ret }: Call): void {
    if (owner !== undefined && ret > 0) {
      add(this.#counts, `sent pid=${owner.pid}`, ret);
    }
  }
}
