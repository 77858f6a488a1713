/** TCP segments that are sent again, by the port that they go to and the state of the connection. */
import { cast, tracepoint } from "ringtap/bpf";

// Runs in timers and softirqs, while an unrelated process runs (net/ipv4/tcp_output.c).
export default tracepoint("tcp_retransmit_skb", (e) => {
  const port = e.sk.__sk_common.skc_dport;
  return {
    name: "retransmits",
    summary: "TCP segments sent again, by port",
    owner: "none",
    count: {
      by: {
        // The network's byte order.
        port: port.shr(8).bitOr(cast(port.shl(8), "u16")),
        // TCP_SYN_SENT of include/net/tcp_states.h.
        is_connecting: e.sk.__sk_common.skc_state.eq(2),
      },
    },
  };
});
