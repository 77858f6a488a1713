/** Requirements of every signal, checked up front: the kernel's own error would not say which one is missing. */
import { accessSync, constants, existsSync, readFileSync } from "node:fs";

import type { Finding } from "./finding.js";
import { native } from "../binding/native.js";
import { privileges } from "./privileges.js";

const typesPath = "/sys/kernel/btf/vmlinux";

/** Whether the kernel has type information, which CO-RE programs are relocated by. */
function typeInformation(): Finding {
  const check = "BTF";
  try {
    accessSync(typesPath, constants.R_OK);
    return { check, status: "ok", detail: typesPath };
  } catch {
    return existsSync(typesPath)
      ? {
          check,
          status: "fail",
          detail: `${typesPath} is not readable`,
          fix: `give this user read access to ${typesPath}`,
        }
      : {
          check,
          status: "fail",
          detail: `the kernel has no type information: ${typesPath} does not exist`,
          fix: "run a kernel built with CONFIG_DEBUG_INFO_BTF=y, with sysfs mounted on /sys",
        };
  }
}

/** Whether /proc shows this process: its privileges and limits are read there. */
function ownProcess(): Finding {
  const check = "/proc";
  return existsSync("/proc/self/status")
    ? { check, status: "ok", detail: "shows this process" }
    : {
        check,
        status: "fail",
        detail: "/proc does not show this process: it is not mounted, or belongs to another pid namespace",
        fix: "mount -t proc proc /proc",
      };
}

/** BPF_PROG_TYPE_SOCKET_FILTER and BPF_FUNC_map_lookup_elem of include/uapi/linux/bpf.h: what every kernel has. */
const socketFilter = 1;
const mapLookupElem = 1;

/** The finding of a seccomp filter that refuses bpf(2), whose EPERM looks like missing privileges; empty when there is none. */
function refusalBySeccomp(): Finding[] {
  const isFiltered = /^Seccomp:\s+2$/m.test(readFileSync("/proc/self/status", "utf8"));
  try {
    if (isFiltered) {
      native.probeHelper(socketFilter, mapLookupElem);
    }
    return [];
  } catch {
    const fix = "allow bpf in the seccomp profile of the container or the SystemCallFilter of the service";
    return [{ check: "seccomp", status: "fail", detail: "a seccomp filter refuses bpf(2)", fix }];
  }
}

/** The requirements of every signal: type information, /proc, privileges (read in /proc), and bpf(2) itself. */
export function requirements(): Finding[] {
  const proc = ownProcess();
  if (proc.status === "fail") {
    return [typeInformation(), proc];
  }
  const granted = privileges();
  return [typeInformation(), proc, granted, ...(granted.status === "fail" ? [] : refusalBySeccomp())];
}

/** Throws an Error that says which requirement is not met and how to fix it. */
export function requireKernel(): void {
  for (const { status, detail, fix } of requirements()) {
    if (status === "fail") {
      throw new Error(`${detail}: ${fix ?? ""}`);
    }
  }
}
