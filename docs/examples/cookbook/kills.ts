/** POSIX signals: who sends which to whom. */
import { tracepoint } from "ringtap/bpf";

export default tracepoint("signal_generate", (e, h) => ({
  name: "kills",
  summary: "POSIX signals, by sender and receiver",
  // Not those that the kernel sends, such as SIGCHLD, and the receiver ignores: 0 is TRACE_SIGNAL_DELIVERED.
  where: e.result.eq(0),
  count: { by: { comm: h.comm, to: e.task.group_leader.comm, number: e.sig } },
}));
