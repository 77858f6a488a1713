/** TCP connections that are established now, by local port: those that have been made since the agent began. */
import { on, tracepoints, when } from "ringtap/bpf";

// TCP_ESTABLISHED of include/net/tcp_states.h, and IPPROTO_TCP.
const established = 1;
const tcp = 6;

export default tracepoints({ name: "connections", summary: "TCP connections established, by local port" }, [
  on("inet_sock_set_state", (e) => ({
    owner: "none",
    where: e.sk.sk_protocol.eq(tcp).and(e.oldstate.eq(established).or(e.newstate.eq(established))),
    gauge: { add: when(e.newstate.eq(established), 1, -1), by: { port: e.sk.__sk_common.skc_num } },
  })),
]);
