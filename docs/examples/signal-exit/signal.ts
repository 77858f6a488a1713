/** exit: how processes end, and how long they have lived. */
import { has, tracepoint } from "ringtap/bpf";

// Runs for each thread that ends, in its context (kernel/exit.c).
export default tracepoint("sched_process_exit", (e, h) => {
  const { p: task } = e;
  const lifetime = h.time.sub(task.group_leader.start_time);
  return {
    name: "exit",
    summary: "processes that have ended, by status",
    // The process ends with its last thread: since Linux 6.16 the tracepoint says which one is.
    where: has(e, "group_dead") ? e.group_dead.ne(0) : task.signal.live.counter.eq(0),
    count: { by: { status: task.exit_code.shr(8), killed_by: task.exit_code.bitAnd(0x7f) } },
    histogram: { of: lifetime, unit: "seconds", by: {}, help: "Lifetime of processes that have ended." },
    record: {
      status: task.exit_code.shr(8),
      killed_by: task.exit_code.bitAnd(0x7f),
      parent: task.real_parent.group_leader.comm,
      lifetime_ns: lifetime,
    },
  };
});
