/** Attempts to load and to unload kernel modules, and how they end. */
import { isSyscall, tracepoint, when } from "ringtap/bpf";

export default tracepoint("sys_exit", (e, h) => ({
  name: "module_loads",
  summary: "calls that load and unload kernel modules",
  where: isSyscall(e, h, "init_module", "finit_module", "delete_module"),
  count: { by: { is_unload: isSyscall(e, h, "delete_module"), error: when(e.ret.lt(0), e.ret, 0) } },
  record: { is_unload: isSyscall(e, h, "delete_module"), result: e.ret, uid: h.uid },
}));
