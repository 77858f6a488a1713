/** Datagrams that are lost because the program does not read its socket fast enough, by local port. */
import { tracepoint } from "ringtap/bpf";

// Runs in softirqs, while an unrelated process runs (net/ipv4/udp.c).
export default tracepoint("udp_fail_queue_rcv_skb", (e) => ({
  name: "receive_overflows",
  summary: "UDP datagrams that find a full socket, by local port",
  owner: "none",
  count: { by: { port: e.sk.__sk_common.skc_num, error: e.rc } },
}));
