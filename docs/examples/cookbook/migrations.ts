/** Threads that move from one CPU to another. */
import { tracepoint } from "ringtap/bpf";

// The thread that moves is e.p; the process that runs is an unrelated one (kernel/sched/core.c).
export default tracepoint("sched_migrate_task", (e) => ({
  name: "migrations",
  summary: "moves of threads between CPUs, by thread and CPU",
  owner: "none",
  count: { by: { comm: e.p.comm, to_cpu: e.dest_cpu } },
}));
