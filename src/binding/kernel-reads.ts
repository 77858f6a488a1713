/** How programs read the memory of the running kernel. */
import { native } from "./native.js";

/** BPF_PROG_TYPE_TRACEPOINT and BPF_FUNC_probe_read_kernel of include/uapi/linux/bpf.h. */
const tracepoint = 5;
const probeReadKernel = 113;

/** Asked once where the kernel has answered. */
let hasHelper: boolean | undefined;

/**
 * How programs read kernel memory: the kernel gives them the helper, or it does not and they can call bpf_rdonly_cast(), or neither.
 * The probe needs CAP_BPF and CAP_PERFMON; without them the answer is that of most kernels.
 */
export function kernelReads(): "by helper" | "by cast" | "not at all" {
  try {
    hasHelper ??= native.probeHelper(tracepoint, probeReadKernel);
  } catch {
    return "by helper";
  }
  if (hasHelper) {
    return "by helper";
  }
  return native.canCast() ? "by cast" : "not at all";
}
