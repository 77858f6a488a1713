/** 32-bit programs on this 64-bit kernel. */
import { readFileSync } from "node:fs";

/** A member of struct task_struct that kernels have with CONFIG_COMPAT only. */
const member = "compat_robust_list";

/** Does the kernel run 32-bit programs? By its type information: every name in it ends with a zero. Throws when it cannot be read. */
export function hasCompatCallers(types = "/sys/kernel/btf/vmlinux"): boolean {
  return readFileSync(types).includes(`\0${member}\0`);
}
