/** Programs that are executed: which file, by which program. */
import { text, tracepoint } from "ringtap/bpf";

export default tracepoint("sched_process_exec", (e) => ({
  name: "execs",
  summary: "programs executed, by file",
  count: { by: { file: text(e.bprm.filename, 128), parent: e.p.real_parent.group_leader.comm } },
}));
