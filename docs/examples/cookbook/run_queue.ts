/** How long threads wait for a CPU once they have been woken. */
import { mark, tracepoint } from "ringtap/bpf";

const woken = mark("sched_wakeup", (e) => ({ key: e.p.pid }));

export default tracepoint("sched_switch", (e, h) => ({
  name: "run_queue",
  summary: "time from a wake-up to a CPU",
  // The idle threads wait for nothing.
  where: e.next.pid.ne(0),
  owner: "none",
  histogram: { of: h.since(woken, e.next.pid).elapsed, unit: "seconds", by: { comm: e.next.comm } },
}));
