/** Says why the kernel tests cannot run here, and fails; silent where they can. They are never skipped. */
import { accessSync, constants } from "node:fs";

import { native } from "../../src/binding/native.js";

/** BPF_MAP_TYPE_RINGBUF of include/uapi/linux/bpf.h. */
const ringBuffer = 27;

const reasons: string[] = [];
if (process.geteuid?.() !== 0) {
  reasons.push("they need root");
}
try {
  accessSync("/sys/kernel/btf/vmlinux", constants.R_OK);
} catch {
  reasons.push("the kernel shows no type information (/sys/kernel/btf/vmlinux)");
}
if (!native.probeMapType(ringBuffer)) {
  reasons.push("the kernel refuses to make a BPF ring buffer (Linux 5.8 or newer, CAP_BPF or CAP_SYS_ADMIN)");
}
if (reasons.length > 0) {
  console.error(`test: the kernel tests cannot run: ${reasons.join("; ")}`);
  process.exitCode = 1;
}
