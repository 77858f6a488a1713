/** What nothing works without, told before the kernel tells it in its own words. */
import { accessSync, constants, existsSync } from "node:fs";

import type { Finding } from "./finding.js";
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

/** What nothing works without: type information, /proc, and privileges, which only /proc can tell. */
export function requirements(): Finding[] {
  const proc = ownProcess();
  return [typeInformation(), proc, ...(proc.status === "ok" ? [privileges()] : [])];
}

/** Throws an Error that says which requirement is not met and what to do. */
export function requireKernel(): void {
  for (const { status, detail, mend } of requirements()) {
    if (status === "fail") {
      throw new Error(`${detail}: ${mend ?? ""}`);
    }
  }
}
