/** Capabilities that programs are asked for and do not have. */
import { tracepoint } from "ringtap/bpf";

// Since Linux 6.14 (security/commoncap.c).
export default tracepoint("cap_capable", (e, h) => ({
  name: "capability_checks",
  summary: "checks of capabilities that fail, by number",
  where: e.ret.ne(0),
  // CAP_SYS_CHROOT is 18 (include/uapi/linux/capability.h).
  count: { by: { comm: h.comm, capability: e.cap } },
}));
