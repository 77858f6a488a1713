/** Processes that the kernel kills because memory is short. */
import { tracepoint } from "ringtap/bpf";

// Before Linux 6.8 the tracepoint has the victim's pid alone: then it takes h.task of its end, or C.
export default tracepoint("mark_victim", (e) => ({
  name: "oom_kills",
  summary: "victims of the OOM killer",
  owner: e.task,
  count: {},
  record: { resident_pages: e.task.mm.hiwater_rss, score_adjustment: e.task.signal.oom_score_adj },
}));
