/** Threads and processes that are begun, by the program that begins them. */
import { tracepoint } from "ringtap/bpf";

export default tracepoint("sched_process_fork", (e, h) => ({
  name: "forks",
  summary: "threads and processes begun",
  count: { by: { comm: h.comm, is_thread: e.child.tgid.eq(e.parent.tgid) } },
}));
