/** From what the program's calls returned to what ringtap has to have counted. */
import { add, type Counts, errnoName } from "./counts.js";
import { NetworkCounts } from "./expect-network.js";
import type { LiveLog, RunLog } from "./run.js";

type Log = Pick<RunLog, "prefix" | "calls">;

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

/** Children that only make calls under a name of their own. */
export const ownName = /_a\d$/;

/** What has to have been counted at a scrape while a program ran. */
export function expectLive(log: LiveLog): Counts {
  const counts: Counts = new Map();
  expectCalls(counts, log, true);
  return counts;
}

/** RSTs that belong to processes of a run. */
export const resetsSent = "namespace resets sent";

/**
 * What has to have been counted of a run. Who sent a RST that is a reply is not known: of those it may be as many as `counted` says,
 * and all that sockets send of their own accord. Where connections go on without a process, more may have come since.
 */
export function expect(log: RunLog, counted: Counts): Counts {
  const counts: Counts = new Map();
  const { notAccepted, left } = expectCalls(counts, log, false);
  add(counts, `exits comm=${log.conductor.comm} reason=ok`, 1);
  const { refusing, active, replying } = log.resets;
  const orMore = (what: string, value: number, most: number): void => {
    add(counts, what, Math.min(Math.max(counted.get(what) ?? 0, value), left > 0 ? Infinity : most));
  };
  orMore(resetsSent, active, active + replying);
  const snmp = (name: string): number => log.snmp.get(name) ?? 0;
  add(counts, "namespace ActiveOpens", snmp("ActiveOpens"));
  // Those of passive opens are in EmbryonicRsts, too: tcp_check_req().
  add(counts, "namespace AttemptFails", snmp("AttemptFails") - snmp("EmbryonicRsts"));
  if (snmp("OutRsts") !== refusing + active + replying) {
    throw new Error(`OutRsts is ${snmp("OutRsts")}, of packets there were ${refusing} + ${active} + ${replying}`);
  }
  add(counts, "namespace PassiveOpens", snmp("PassiveOpens") - notAccepted);
  orMore("namespace RetransSegs", snmp("RetransSegs"), snmp("RetransSegs"));
  return counts;
}

function expectCalls(counts: Counts, log: Log, isLive: boolean): NetworkCounts {
  const groups = new Map<number, string>();
  const network = new NetworkCounts(counts);
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
  network.end(isLive);
  return network;
}
