/** Processes that become another user, or try to. */
import { isSyscall, mark, syscallArgument, tracepoint } from "ringtap/bpf";

const asked = mark("sys_enter", (e, h) => ({
  where: isSyscall(e, h, "setuid"),
  key: h.tid,
  keep: { uid: h.uid },
}));

export default tracepoint("sys_exit", (e, h) => {
  const start = h.since(asked, h.tid);
  return {
    name: "setuids",
    summary: "setuid(2), from and to which user",
    where: isSyscall(e, h, "setuid"),
    owner: start.owner,
    count: { by: { from: start.kept.uid, to: syscallArgument(e, 0), is_done: e.ret.eq(0) } },
  };
});
