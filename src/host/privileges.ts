/** The capabilities of this process. */
import { existsSync, readFileSync } from "node:fs";

import type { Finding } from "./finding.js";
import { native } from "../binding/native.js";

/** Capabilities as include/uapi/linux/capability.h numbers them. */
const sysAdmin = 21n;
const sysPtrace = 19n;
const bpf = 39n;
const perfmon = 38n;
const needed: readonly (readonly [name: string, bit: bigint])[] = [
  ["CAP_BPF", bpf],
  ["CAP_PERFMON", perfmon],
];

/** What takes to attach programs to files of other processes ({@link Signal.attachesLater}). */
const neededForFiles = [...needed, ["CAP_SYS_PTRACE", sysPtrace], ["CAP_CHECKPOINT_RESTORE", 40n]] as const;

/** The content of /proc/self/uid_map in the initial user namespace: every id is mapped to itself. */
const identityMap = /^\s*0\s+0\s+4294967295\s*$/;

/**
 * Names of the capabilities that BPF requires and a process lacks, by the content of its /proc files `status` and `uid_map`.
 * CAP_SYS_ADMIN includes them. Capabilities in a user namespace other than the initial one do not count (bpf(2), capable()).
 */
export function missingCapabilities(status: string, uidMap: string): string[] {
  const effective = identityMap.test(uidMap) ? effectiveCapabilities(status) : 0n;
  return holds(effective, sysAdmin) ? [] : needed.filter(([, bit]) => !holds(effective, bit)).map(([name]) => name);
}

function effectiveCapabilities(status: string): bigint {
  const [, hexadecimal = "0"] = /^CapEff:\s*([\da-f]+)$/m.exec(status) ?? [];
  return BigInt(`0x${hexadecimal}`);
}

function holds(capabilities: bigint, bit: bigint): boolean {
  return ((capabilities >> bit) & 1n) === 1n;
}

/** Whether this process may load BPF programs. */
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
    fix: "run it as root, with sudo, or grant it CAP_BPF and CAP_PERFMON (CAP_SYS_ADMIN includes both)",
  };
}

/**
 * Drops, in every thread and permanently, the capabilities that the agent no longer needs once programs are attached, files are read
 * and sockets are bound. Returns the names of those that it keeps: what loading takes, for a process that `loads` further programs
 * later; what takes to find and read the files of other processes besides, for one that `attaches` programs to them later; and CAP_BPF
 * on kernels that require it for reading a map. CAP_SYS_ADMIN stands for what is not held by itself, but for CAP_SYS_PTRACE. Throws a
 * NativeError.
 */
export function dropCapabilities({ loads = false, attaches = false } = {}): string[] {
  const effective = effectiveCapabilities(readFileSync("/proc/self/status", "utf8"));
  const wanted = attaches
    ? neededForFiles.filter(([, bit]) => bit !== sysPtrace || holds(effective, bit))
    : loads
      ? needed
      : native.bpfNeedsCapability()
        ? needed.filter(([, bit]) => bit === bpf)
        : [];
  // Perf events on functions of files ask for CAP_SYS_ADMIN itself.
  const isAdmin = attaches && !native.hasUprobeMulti();
  const kept =
    !isAdmin && wanted.every(([, bit]) => holds(effective, bit))
      ? wanted
      : [...wanted.filter(([, bit]) => bit === sysPtrace), ["CAP_SYS_ADMIN", sysAdmin] as const];
  const set = kept.reduce((bits, [, bit]) => bits | (1n << bit), 0n);
  native.dropCapabilities(Number(set & 0xffff_ffffn), Number(set >> 32n));
  return kept.map(([name]) => name);
}

/** Where the kernel says what perf events on functions are called. */
const uprobeEvents = "/sys/bus/event_source/devices/uprobe/type";

/** Whether programs may run at functions of files, as those that see what TLS carries do. */
export function uprobes(): Finding {
  const check = "uprobes";
  const wanted = "what TLS carries (--l7.tls)";
  if (native.hasUprobeMulti()) {
    return { check, status: "ok", detail: `uprobe_multi: ${wanted} can be seen` };
  }
  if (!existsSync(uprobeEvents)) {
    const detail = `the kernel has none: ${wanted} cannot be seen`;
    return { check, status: "warn", detail, fix: "run a kernel built with CONFIG_UPROBE_EVENTS=y" };
  }
  return holds(effectiveCapabilities(readFileSync("/proc/self/status", "utf8")), sysAdmin)
    ? { check, status: "ok", detail: `perf events, as uprobe_multi came with Linux 6.6: ${wanted} can be seen` }
    : {
        check,
        status: "warn",
        detail: `perf events, which this process may not use: ${wanted} cannot be seen`,
        fix: "grant CAP_SYS_ADMIN, or run Linux 6.6 or newer",
      };
}
