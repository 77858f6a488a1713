/** What the running kernel offers and forbids, as far as ringtap cares. */
import { readFileSync, statSync } from "node:fs";
import { arch, machine, release } from "node:os";

import type { Finding } from "./finding.js";
import { native } from "../binding/native.js";

/** Those that programs and decoders are built for, as Node names them. */
const architectures = ["x64", "arm64"];

/** The kernel and the machine. */
export function kernelRelease(): Finding {
  const check = "kernel";
  const detail = `Linux ${release()} ${machine()}`;
  return architectures.includes(arch())
    ? { check, status: "ok", detail }
    : { check, status: "warn", detail, mend: "ringtap is built for x86-64 and arm64" };
}

/** BPF_MAP_TYPE_RINGBUF of include/uapi/linux/bpf.h, since Linux 5.8. */
const ringBufferType = 27;

/** Can BPF programs hand records over in ring buffers? Asks the kernel, which wants privileges for an answer. */
export function ringBuffers(): Finding {
  const check = "ring buffer";
  return native.probeMapType(ringBufferType)
    ? { check, status: "ok", detail: "BPF_MAP_TYPE_RINGBUF" }
    : { check, status: "fail", detail: "the kernel makes no BPF ring buffer", mend: "run Linux 5.8 or newer" };
}

const lockdownPath = "/sys/kernel/security/lockdown";

/** What each mode forbids: enum lockdown_reason of include/linux/security.h. */
const lockdownModes: Readonly<Record<string, Omit<Finding, "check">>> = {
  none: { status: "ok", detail: "none" },
  integrity: { status: "ok", detail: "integrity: BPF programs may not write user memory; ringtap's do not" },
  confidentiality: {
    status: "fail",
    detail:
      "confidentiality: BPF programs may not read kernel memory, which all of ringtap's do; no kprobes, no tracefs",
    mend: "boot with lockdown=integrity, or without lockdown=",
  },
};

/** The lockdown mode in effect; `text` is what the kernel's file says, such as `none [integrity] confidentiality`. */
export function lockdownFinding(text: string): Finding {
  const [, mode = ""] = /\[(\w+)\]/.exec(text) ?? [];
  return { check: "lockdown", ...(lockdownModes[mode] ?? { status: "warn", detail: `unknown mode: ${text.trim()}` }) };
}

/** Is the kernel locked down? */
export function lockdown(): Finding {
  const text = readIfReadable(lockdownPath);
  return text === undefined
    ? {
        check: "lockdown",
        status: "ok",
        detail: `unknown: ${lockdownPath} is not readable, or not there for want of lockdown or of securityfs`,
      }
    : lockdownFinding(text);
}

/** BPF_PROG_TYPE_SOCKET_FILTER and BPF_FUNC_ktime_get_coarse_ns of include/uapi/linux/bpf.h. */
const socketFilter = 1;
const ktimeGetCoarseNs = 160;

/**
 * To what is BPF memory charged? The helper probed for came with the release, 5.11, that charges control groups instead of
 * RLIMIT_MEMLOCK; libbpf asks the same way. The kernel wants privileges for an answer.
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
        mend: "grant CAP_SYS_RESOURCE, with which ringtap raises it, or raise it (ulimit -l unlimited)",
      };
}

/** PROC_PID_INIT_INO of include/linux/proc_ns.h: the initial pid namespace. */
const initialPidNamespace = 0xeffffffc;

/** Are the pids that this process sees those that records carry, the host's? */
export function pidNamespace(): Finding {
  const check = "pid namespace";
  return statSync("/proc/self/ns/pid").ino === initialPidNamespace
    ? { check, status: "ok", detail: "the host's" }
    : {
        check,
        status: "warn",
        detail: "not the host's, whose pids are those in metrics and traces",
        mend: "share it (hostPID: true, docker run --pid=host) where pids are to mean something in here",
      };
}

function readIfReadable(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
