/** Mounts: of what type, where, by whom, and how they end. */
import { isSyscall, syscallArgument, tracepoint, userText } from "ringtap/bpf";

export default tracepoint("sys_exit", (e, h) => ({
  name: "mounts",
  summary: "mount(2), by type of file system",
  where: isSyscall(e, h, "mount"),
  count: { by: { type: userText(syscallArgument(e, 2), 32), is_done: e.ret.eq(0) } },
  record: { on: userText(syscallArgument(e, 1), 128), result: e.ret, uid: h.uid },
}));
