/** Programs that trace others: ptrace(2) by request and target. */
import { isSyscall, syscallArgument, tracepoint } from "ringtap/bpf";

export default tracepoint("sys_exit", (e, h) => ({
  name: "ptraces",
  summary: "ptrace(2), by request",
  where: isSyscall(e, h, "ptrace"),
  // PTRACE_SEIZE is 0x4206, PTRACE_ATTACH 16 (include/uapi/linux/ptrace.h).
  count: { by: { request: syscallArgument(e, 0), is_done: e.ret.ge(0) } },
  record: { request: syscallArgument(e, 0), target: syscallArgument(e, 1), result: e.ret },
}));
