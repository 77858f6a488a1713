/** TCP resets that this machine sends, by the kernel's reason and the port that was asked for. */
import { address, cast, peek, tracepoint } from "ringtap/bpf";

// Runs in softirqs, while an unrelated process runs. The reason is there since Linux 6.10; older kernels call the packet skb (net/ipv4/tcp_ipv4.c).
export default tracepoint("tcp_send_reset", (e) => {
  const skb = e.skb__nullable;
  // struct tcphdr: the destination is its second number, in the network's byte order.
  const port = peek(address(skb.head).add(skb.transport_header), "u16", 2);
  return {
    name: "resets",
    summary: "TCP resets sent, by reason and port",
    owner: "none",
    count: { by: { reason: e.reason, port: port.shr(8).bitOr(cast(port.shl(8), "u16")) } },
  };
});
