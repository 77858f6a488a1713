/** What programs call and read by name: helpers of the kernel, and constants of the object. */

/** Helpers: enum bpf_func_id of include/uapi/linux/bpf.h. */
export const helpers = {
  mapLookup: 1,
  mapUpdate: 2,
  mapDelete: 3,
  time: 5,
  random: 7,
  cpu: 8,
  pidTgid: 14,
  uidGid: 15,
  currentTask: 35,
  cgroup: 80,
  readKernel: 113,
  readUserText: 114,
  readKernelText: 115,
  ringReserve: 131,
  ringSubmit: 132,
  ringQuery: 134,
  currentTaskTyped: 158,
  /** The loader makes a call of the kernel's bpf_rdonly_cast() of it: bpf/include/ringtap/read.h. */
  cast: 0x72646f63,
} as const;

/** Constants of the object. */
export const constants = {
  /** As many zeros as the longest value of a map has. */
  zeros: "zeros",
  /** The key of what exceeds a map's capacity: all ones. */
  overflow: "overflow_key",
  wakeup: "wakeup_bytes",
  cgroups: "cgroup_source",
} as const;
