/** What this process may do. */
import { readFileSync } from "node:fs";

import type { Finding } from "./finding.js";

/** Capabilities as include/uapi/linux/capability.h numbers them. */
const sysAdmin = 21n;
const needed: readonly (readonly [name: string, bit: bigint])[] = [
  ["CAP_BPF", 39n],
  ["CAP_PERFMON", 38n],
];

/** The line of /proc/self/uid_map in the initial user namespace: every id stands for itself. */
const identityMap = /^\s*0\s+0\s+4294967295\s*$/;

/**
 * Names of the capabilities that BPF asks for and a process lacks, from the texts of its /proc files `status` and `uid_map`.
 * CAP_SYS_ADMIN stands for all of them. Those of a user namespace other than the initial one do not count (bpf(2), capable()).
 */
export function missingCapabilities(status: string, uidMap: string): string[] {
  const [, hexadecimal = "0"] = /^CapEff:\s*([\da-f]+)$/m.exec(status) ?? [];
  const effective = identityMap.test(uidMap) ? BigInt(`0x${hexadecimal}`) : 0n;
  const holds = (bit: bigint): boolean => ((effective >> bit) & 1n) === 1n;
  return holds(sysAdmin) ? [] : needed.filter(([, bit]) => !holds(bit)).map(([name]) => name);
}

/** May this process load BPF programs? */
export function privileges(): Finding {
  const uidMap = readFileSync("/proc/self/uid_map", "utf8");
  const missing = missingCapabilities(readFileSync("/proc/self/status", "utf8"), uidMap);
  const user = `uid ${process.geteuid?.() ?? "?"}`;
  if (missing.length === 0) {
    return { check: "privileges", status: "ok", detail: `${user}, CAP_BPF and CAP_PERFMON` };
  }
  const where = identityMap.test(uidMap) ? "" : " in the initial user namespace";
  return {
    check: "privileges",
    status: "fail",
    detail: `${user} lacks ${missing.join(" and ")}${where}`,
    mend: "run it as root, with sudo, or grant it CAP_BPF and CAP_PERFMON (CAP_SYS_ADMIN has both in it)",
  };
}
