/** From what the program's calls returned to what ringtap has to have counted. */
import { constants } from "node:os";

import type { Call, RunLog } from "./run.js";

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

const resultOf: Readonly<Record<string, string>> = {
  ECONNREFUSED: "refused",
  ETIMEDOUT: "timed_out",
  ENETUNREACH: "unreachable",
  EHOSTUNREACH: "unreachable",
  ECONNRESET: "reset",
  ECONNABORTED: "aborted",
};

/** A socket that a process connected or accepted. */
interface Owned {
  readonly pid: number;
  /** Has connect(2) said that the attempt goes on, and not yet how it ended? */
  isConnecting: boolean;
}

/** The connects, accepts and bytes of a run. */
class Network {
  readonly #counts: Counts;
  readonly #log: RunLog;
  readonly #owned = new Map<string, Owned>();

  constructor(counts: Counts, log: RunLog) {
    this.#counts = counts;
    this.#log = log;
  }

  read(call: Call): void {
    switch (call.what) {
      case "connect":
      case "fastopen":
        this.#connect(call);
        break;
      case "accept":
        if (call.error === 0) {
          this.#own(call.a, call.pid);
          const family = call.b !== 0 ? "ipv6" : "ipv4";
          add(this.#counts, `accepts pid=${call.pid} comm=${call.comm} family=${family}`, 1);
        }
        break;
      case "unspec":
        this.#forget(call.a);
        break;
      case "send":
        this.#sent(call);
        break;
    }
  }

  #own(cookie: string, pid: number): Owned {
    const owned = { pid, isConnecting: false };
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
    const result =
      call.error === 0 ? "established" : isPending ? this.#pending(call, after) : (resultOf[error] ?? "other");
    const family = call.b >>> 16 !== 0 ? "ipv6" : "ipv4";
    add(this.#counts, `connects pid=${call.pid} comm=${call.comm} family=${family} result=${result}`, 1);
    if (result !== "other" && result !== "unreachable") {
      this.#own(call.a, call.pid).isConnecting = isPending;
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

/** What has to have been counted of a run. */
export function expect(log: RunLog): Counts {
  const counts: Counts = new Map();
  const groups = new Map<number, string>();
  const network = new Network(counts, log);
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
        add(counts, `calls pid=${call.ret} syscall=getppid`, call.b);
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
  add(counts, `exits comm=${log.conductor.comm} reason=ok`, 1);
  const snmp = (name: string): number => log.snmp.get(name) ?? 0;
  add(counts, "namespace ActiveOpens", snmp("ActiveOpens"));
  add(counts, "namespace RetransSegs", snmp("RetransSegs"));
  return counts;
}
