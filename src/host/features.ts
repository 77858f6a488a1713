/** Features and restrictions of the running kernel that ringtap depends on. */
import { readFileSync, statSync } from "node:fs";
import { arch, machine, release } from "node:os";

import type { Finding } from "./finding.js";
import { native } from "../binding/native.js";

/** The architectures that BPF programs and decoders are built for, by the names of `process.arch`. */
const architectures = ["x64", "arm64"];

/** The kernel's release, and whether ringtap is built for the machine. */
export function kernelRelease(): Finding {
  const check = "kernel";
  const detail = `Linux ${release()} ${machine()}`;
  return architectures.includes(arch())
    ? { check, status: "ok", detail }
    : { check, status: "warn", detail, fix: "run ringtap on x86-64 or arm64, which it is built for" };
}

/** BPF_MAP_TYPE_RINGBUF of include/uapi/linux/bpf.h, since Linux 5.8. */
const ringBufferType = 27;

/** Whether the kernel has BPF ring buffers. The probe needs CAP_BPF. */
export function ringBuffers(): Finding {
  const check = "ring buffer";
  return native.probeMapType(ringBufferType)
    ? { check, status: "ok", detail: "BPF_MAP_TYPE_RINGBUF" }
    : { check, status: "fail", detail: "the kernel has no BPF ring buffers", fix: "run Linux 5.8 or newer" };
}

const lockdownPath = "/sys/kernel/security/lockdown";

/** Why nothing can be read. */
export const readsNeedCasts =
  "this kernel forbids programs to read its memory by a helper (lockdown=confidentiality), and has no bpf_rdonly_cast(), which Linux 6.2 introduced";

/** What each lockdown mode forbids: enum lockdown_reason of include/linux/security.h. */
const lockdownModes: Readonly<Record<string, Omit<Finding, "check">>> = {
  none: { status: "ok", detail: "none" },
  integrity: { status: "ok", detail: "integrity: BPF programs may not write user memory; no program of ringtap does" },
};

/** What confidentiality leaves; `canCast`: can programs call bpf_rdonly_cast()? */
function confidentiality(canCast: boolean): Omit<Finding, "check"> {
  return canCast
    ? {
        status: "ok",
        detail: "confidentiality: no helper reads kernel memory, and ringtap does without; no kprobes, no tracefs",
      }
    : {
        status: "fail",
        detail: `confidentiality: ${readsNeedCasts}`,
        fix: "run Linux 6.2 or newer, or boot with lockdown=integrity, or without lockdown=",
      };
}

/** The current lockdown mode; `text` is the content of the kernel's file, such as `none [integrity] confidentiality`. */
export function lockdownFinding(text: string, canCast: boolean): Finding {
  const [, mode = ""] = /\[(\w+)\]/.exec(text) ?? [];
  const finding = mode === "confidentiality" ? confidentiality(canCast) : lockdownModes[mode];
  return { check: "lockdown", ...(finding ?? { status: "warn", detail: `unknown mode: ${text.trim()}` }) };
}

/** Reads the current lockdown mode. */
export function lockdown(): Finding {
  const text = readIfReadable(lockdownPath);
  return text === undefined
    ? {
        check: "lockdown",
        status: "ok",
        detail: `unknown: ${lockdownPath} cannot be read: the kernel has no lockdown, or securityfs is not mounted`,
      }
    : lockdownFinding(text, native.canCast());
}

/** BPF_PROG_TYPE_SOCKET_FILTER and BPF_FUNC_ktime_get_coarse_ns of include/uapi/linux/bpf.h. */
const socketFilter = 1;
const ktimeGetCoarseNs = 160;

/**
 * Whether BPF memory is charged to control groups or to RLIMIT_MEMLOCK. Linux 5.11 introduced both the helper that this probes for
 * and the charging of control groups; libbpf uses the same probe. The probe needs CAP_BPF.
 */
export function lockedMemory(): Finding {
  const check = "memlock";
  if (native.probeHelper(socketFilter, ktimeGetCoarseNs)) {
    return { check, status: "ok", detail: "BPF memory is charged to control groups: no limit to raise" };
  }
  const limits = readFileSync("/proc/self/limits", "utf8");
  const [, soft = "?"] = /^Max locked memory\s+(\S+)/m.exec(limits) ?? [];
  const detail = `BPF memory is charged to RLIMIT_MEMLOCK, now ${soft} bytes`;
  return soft === "unlimited"
    ? { check, status: "ok", detail }
    : {
        check,
        status: "warn",
        detail,
        fix: "grant CAP_SYS_RESOURCE, with which ringtap raises it, or raise it (ulimit -l unlimited)",
      };
}

/** PROC_PID_INIT_INO of include/linux/proc_ns.h: the initial pid namespace. */
const initialPidNamespace = 0xeffffffc;

/** Whether this process is in the host's pid namespace, whose pids records carry. */
export function pidNamespace(): Finding {
  const check = "pid namespace";
  return statSync("/proc/self/ns/pid").ino === initialPidNamespace
    ? { check, status: "ok", detail: "the host's" }
    : {
        check,
        status: "warn",
        detail: "not the host's: metrics and traces show the host's pids, which differ from those in here",
        fix: "share the host's (hostPID: true, docker run --pid=host)",
      };
}

function readIfReadable(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
