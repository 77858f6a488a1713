/** From what the program's calls returned to what ringtap has to have counted. */
import { constants } from "node:os";

import type { Call, LiveLog, RunLog } from "./run.js";

type Log = Pick<RunLog, "prefix" | "calls" | "sockets">;

/** Numbers by what they count, such as `opens pid=12 comm=f1_w result=ENOENT`. */
export type Counts = Map<string, number>;

export function add(counts: Counts, what: string, value: number): void {
  if (value !== 0) {
    counts.set(what, (counts.get(what) ?? 0) + value);
  }
}

const errnoNames = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));
// Of numbers with two names, the kernel's.
errnoNames.set(constants.errno.EAGAIN, "EAGAIN");

function errnoName(error: number): string {
  return errnoNames.get(error) ?? `errno_${error}`;
}

/** As wait(2) reports the end of a process. */
function exitReason(status: number): string {
  return (status & 0x7f) !== 0 ? "signal" : status >>> 8 !== 0 ? "error" : "ok";
}

/** Names of system calls, by the program's words for them. */
export const callNames: Readonly<Record<string, string>> = {
  getppid: "getppid",
  getpgid: "getpgid",
  getsid: "getsid",
  umask: "umask",
  compat: "compat_getppid",
  disguised: "compat_getppid",
  unknown: "syscall_unknown",
};

/** States of include/net/tcp_states.h. */
const synSent = 2;
const closed = 7;
/** ESTABLISHED and CLOSE_WAIT. */
const openStates = new Set([1, 8]);

const resultOf: Readonly<Record<string, string>> = {
  ECONNREFUSED: "refused",
  ETIMEDOUT: "timed_out",
  ENETUNREACH: "unreachable",
  EHOSTUNREACH: "unreachable",
  // A connect that waits while another thread shuts the socket down: tcp_disconnect(), net/ipv4/tcp.c.
  ECONNRESET: "aborted",
  ECONNABORTED: "aborted",
};

/** Children that only make calls under a name of their own. */
export const ownName = /_a\d$/;

/** A socket that a process connected or accepted. */
interface Owned {
  readonly pid: number;
  readonly role: "client" | "server";
  /** Has connect(2) said that the attempt goes on, and not yet how it ended? */
  isConnecting: boolean;
}

/** The connects, accepts and bytes of a run. */
class Network {
  readonly #counts: Counts;
  readonly #log: Log;
  readonly #isLive: boolean;
  readonly #owned = new Map<string, Owned>();

  constructor(counts: Counts, log: Log, isLive: boolean) {
    this.#counts = counts;
    this.#log = log;
    this.#isLive = isLive;
  }

  read(call: Call): void {
    switch (call.what) {
      case "connect":
      case "fastopen":
        this.#connect(call);
        break;
      case "accept":
        if (call.error === 0) {
          this.#own(call.a, call.pid, "server");
          const family = call.b !== 0 ? "ipv6" : "ipv4";
          add(this.#counts, `accepts pid=${call.pid} comm=${call.comm} family=${family}`, 1);
        }
        break;
      case "unspec":
      case "shutdown": // inet_shutdown() disconnects what is in SYN_SENT (net/ipv4/af_inet.c)
        this.#forget(call.a);
        break;
      case "send":
        this.#sent(call);
        break;
    }
  }

  /** The connections that are open. */
  addOpen(): void {
    for (const [cookie, { pid, role }] of this.#owned) {
      const isOpen = openStates.has(this.#log.sockets.get(cookie)?.state ?? 0);
      add(this.#counts, `open pid=${pid} role=${role}`, isOpen ? 1 : 0);
    }
  }

  #own(cookie: string, pid: number, role: Owned["role"]): Owned {
    const owned = { pid, role, isConnecting: false };
    this.#owned.set(cookie, owned);
    add(this.#counts, `received pid=${pid}`, this.#log.sockets.get(cookie)?.received ?? 0);
    return owned;
  }

  #forget(cookie: string): void {
    const owned = this.#owned.get(cookie);
    if (owned !== undefined) {
      owned.isConnecting = false;
    }
  }

  #sent(call: Call): void {
    const owner = this.#owned.get(call.a);
    if (owner !== undefined && call.ret > 0) {
      add(this.#counts, `sent pid=${owner.pid}`, call.ret);
    }
  }

  #connect(call: Call): void {
    const [before, after] = [(call.b >>> 8) & 0xff, call.b & 0xff];
    const error = errnoName(call.error);
    const known = this.#owned.get(call.a);
    if (known?.isConnecting === true && before === closed) {
      // This one reports the attempt before it.
      known.isConnecting = false;
      return;
    }
    if (before !== closed || ["EISCONN", "EALREADY"].includes(error)) {
      return;
    }
    const isPending = error === "EINPROGRESS" || error === "EAGAIN";
    if (isPending && this.#isLive && this.#log.sockets.get(call.a)?.state === synSent) {
      return;
    }
    const result =
      call.error === 0 ? "established" : isPending ? this.#pending(call, after) : (resultOf[error] ?? "other");
    const family = call.b >>> 16 !== 0 ? "ipv6" : "ipv4";
    const hasSent = result !== "other" && result !== "unreachable";
    // What fails without a SYN counts when connect(2) returns it.
    add(
      this.#counts,
      `connects pid=${call.pid} comm=${call.comm} family=${family} result=${result}`,
      hasSent || call.what === "connect" ? 1 : 0,
    );
    if (hasSent) {
      this.#own(call.a, call.pid, "client").isConnecting = isPending;
    }
    if (call.what === "fastopen") {
      this.#sent(call);
    }
  }

  #pending(call: Call, after: number): string {
    if (this.#log.sockets.get(call.a)?.wasEstablished === true) {
      return "established";
    }
    return after === synSent ? "aborted" : after === closed ? "refused" : "established";
  }
}

/** What has to have been counted at a scrape while a program ran. */
export function expectLive(log: LiveLog): Counts {
  const counts: Counts = new Map();
  expectCalls(counts, log, true);
  return counts;
}

/** What has to have been counted of a run. */
export function expect(log: RunLog): Counts {
  const counts: Counts = new Map();
  expectCalls(counts, log, false);
  add(counts, `exits comm=${log.conductor.comm} reason=ok`, 1);
  const snmp = (name: string): number => log.snmp.get(name) ?? 0;
  add(counts, "namespace ActiveOpens", snmp("ActiveOpens"));
  add(counts, "namespace RetransSegs", snmp("RetransSegs"));
  return counts;
}

function expectCalls(counts: Counts, log: Log, isLive: boolean): void {
  const groups = new Map<number, string>();
  const network = new Network(counts, log, isLive);
  const helper = `${log.prefix}x`;
  for (const call of log.calls) {
    const { pid, comm, what } = call;
    switch (what) {
      case "move":
        groups.set(pid, call.word);
        break;
      case "fork":
        groups.set(call.ret, groups.get(pid) ?? "");
        break;
      case "open":
        add(
          counts,
          `opens pid=${pid} comm=${comm} group=${groups.get(pid) ?? ""} result=${call.error === 0 ? "ok" : errnoName(call.error)}`,
          1,
        );
        break;
      case "call": {
        const name = callNames[call.word] ?? "";
        add(counts, `calls pid=${pid} syscall=${name}`, Number(call.a));
        if (call.error !== 0) {
          add(counts, `errors pid=${pid} syscall=${name} errno=${errnoName(call.error)}`, Number(call.a));
        }
        break;
      }
      case "spawn": {
        const hasExecuted = call.word === "exec";
        add(counts, `execs comm=${helper}`, hasExecuted ? 1 : 0);
        add(counts, `exits comm=${hasExecuted ? helper : call.word} reason=${exitReason(Number(call.a))}`, 1);
        const name = ownName.test(call.word) ? ` comm=${call.word}` : "";
        add(counts, `calls pid=${call.ret}${name} syscall=getppid`, call.b);
        break;
      }
      case "become":
        add(counts, `execs comm=${helper}`, 1);
        add(counts, `calls pid=${pid} syscall=getppid`, call.b);
        break;
      case "end":
        add(counts, `exits comm=${comm} reason=${exitReason(call.ret)}`, 1);
        break;
      default:
        network.read(call);
    }
  }
  if (isLive) {
    network.addOpen();
  }
}
