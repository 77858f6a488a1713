/** Those whose cost on a system call is compared. */
import { attachedObject, peer, ringtap } from "../lib/tracers.js";

export const floor = attachedObject("floor: empty programs on enter and exit", "scripts/bench/syscall/floor.bpf.c");
export const clocks = attachedObject(
  "the floor, and a reading of the clock in each",
  "scripts/bench/syscall/clocks.bpf.c",
);

export const sampled = ringtap("ringtap, syscall signal (timing sampled, the default)", {
  flags: ["--signals=syscall"],
});
/** As the peers do: each call is timed. */
export const timed = ringtap("ringtap, syscall signal, timing all", {
  flags: ["--signals=syscall", "--syscall.timing=all"],
});
export const untimed = ringtap("ringtap, syscall signal, timing off", {
  flags: ["--signals=syscall", "--syscall.timing=off"],
});
export const stream = ringtap("ringtap, syscall signal, stream", {
  flags: ["--signals=syscall", "--syscall.mode=stream"],
});
export const processOnly = ringtap("ringtap, process signal", { flags: ["--signals=process"] });
export const tcpOnly = ringtap("ringtap, tcp signal", { flags: ["--signals=tcp"] });
export const fileOnly = ringtap("ringtap, file signal", { flags: ["--signals=file"] });
export const tcpAndFile = ringtap("ringtap, tcp and file signals", { flags: ["--signals=tcp,file"] });
export const allSignals = ringtap("ringtap, all signals (the default)", {});
export const allTimed = ringtap("ringtap, all signals, timing all", { flags: ["--syscall.timing=all"] });

const bpftraceHistogram = [
  "tracepoint:raw_syscalls:sys_enter { @start[tid] = nsecs; }",
  "tracepoint:raw_syscalls:sys_exit /@start[tid]/ {",
  "  @ns[comm, args->id] = hist(nsecs - @start[tid]); delete(@start[tid]);",
  "}",
].join("\n");

export const syscount = peer("syscount -L -P (bcc libbpf-tools)", 2, "syscount", "-L", "-P");
export const bpftraceCount = peer(
  "bpftrace, count by pid, comm, id on enter",
  1,
  "bpftrace",
  "-e",
  "tracepoint:raw_syscalls:sys_enter { @[pid, comm, args->id] = count(); }",
);
export const bpftraceHistograms = peer("bpftrace, histogram by comm, id", 2, "bpftrace", "-e", bpftraceHistogram);
