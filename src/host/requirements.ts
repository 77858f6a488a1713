/** What nothing works without, told before the kernel tells it in its own words. */
import { accessSync, constants, existsSync, readFileSync } from "node:fs";

import type { Finding } from "./finding.js";
import { native } from "../binding/native.js";
import { privileges } from "./privileges.js";

const typesPath = "/sys/kernel/btf/vmlinux";

/** Does the kernel describe its types? CO-RE programs are fitted to them. */
function typeInformation(): Finding {
  const check = "BTF";
  try {
    accessSync(typesPath, constants.R_OK);
    return { check, status: "ok", detail: typesPath };
  } catch {
    return existsSync(typesPath)
      ? { check, status: "fail", detail: `${typesPath} is not readable`, mend: `let this user read ${typesPath}` }
      : {
          check,
          status: "fail",
          detail: `the kernel has no type information: ${typesPath} is not there`,
          mend: "run a kernel built with CONFIG_DEBUG_INFO_BTF=y, with sysfs mounted on /sys",
        };
  }
}

/** Does /proc show this process? Privileges and limits are read there. */
function ownProcess(): Finding {
  const check = "/proc";
  return existsSync("/proc/self/status")
    ? { check, status: "ok", detail: "shows this process" }
    : {
        check,
        status: "fail",
        detail: "/proc does not show this process: it is not mounted, or belongs to another pid namespace",
        mend: "mount -t proc proc /proc",
      };
}

/** BPF_PROG_TYPE_SOCKET_FILTER and BPF_FUNC_map_lookup_elem of include/uapi/linux/bpf.h: what every kernel has. */
const socketFilter = 1;
const mapLookupElem = 1;

/** A seccomp filter that refuses bpf(2), which the kernel's answer does not tell from missing privileges. Empty where there is none. */
function refusalBySeccomp(): Finding[] {
  const isFiltered = /^Seccomp:\s+2$/m.test(readFileSync("/proc/self/status", "utf8"));
  try {
    if (isFiltered) {
      native.probeHelper(socketFilter, mapLookupElem);
    }
    return [];
  } catch {
    const mend = "allow bpf in the seccomp profile of the container or the SystemCallFilter of the service";
    return [{ check: "seccomp", status: "fail", detail: "a seccomp filter refuses bpf(2)", mend }];
  }
}

/** What nothing works without: type information, /proc, privileges, which only /proc can tell, and the call to use them by. */
export function requirements(): Finding[] {
  const proc = ownProcess();
  if (proc.status === "fail") {
    return [typeInformation(), proc];
  }
  const granted = privileges();
  return [typeInformation(), proc, granted, ...(granted.status === "fail" ? [] : refusalBySeccomp())];
}

/** Throws an Error that says which requirement is not met and what to do. */
export function requireKernel(): void {
  for (const { status, detail, mend } of requirements()) {
    if (status === "fail") {
      throw new Error(`${detail}: ${mend ?? ""}`);
    }
  }
}
