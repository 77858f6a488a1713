/** UDP datagrams that the kernel throws away, by its reason and the port that they went to. */
import { address, cast, peek, tracepoint } from "ringtap/bpf";

// Runs wherever packets are handled, mostly in softirqs (net/core/skbuff.c).
export default tracepoint("kfree_skb", (e) => {
  const { skb } = e;
  const udp = 17;
  // struct udphdr: the destination is its second number.
  const port = peek(address(skb.head).add(skb.transport_header), "u16", 2);
  const protocol = peek(address(skb.head).add(skb.network_header), "u8", 9);
  return {
    name: "drops",
    summary: "UDP datagrams thrown away, by reason and port",
    owner: "none",
    // ETH_P_IP of include/uapi/linux/if_ether.h, in the network's byte order.
    where: skb.protocol.eq(0x0008).and(protocol.eq(udp)),
    count: { by: { reason: e.reason, port: port.shr(8).bitOr(cast(port.shl(8), "u16")) } },
  };
});
