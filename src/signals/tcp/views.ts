/** What `top` and the page show of TCP. */
import type { Views } from "ringtap/signal";

export const views: Views = {
  position: 30,
  columns: [
    {
      key: "connects",
      metric: "ringtap_tcp_connects_total",
      unit: "count",
      heading: "CONN",
      help: "TCP connects that have ended, failures among them",
    },
    {
      key: "connect_failures",
      sort: "failures",
      metric: "ringtap_tcp_connects_total",
      except: { label: "result", value: "established" },
      unit: "count",
      heading: "FAIL",
      help: "TCP connects that failed",
      isFailure: true,
    },
    {
      key: "accepts",
      metric: "ringtap_tcp_accepts_total",
      unit: "count",
      heading: "ACC",
      help: "TCP connections accepted",
    },
    {
      key: "connections",
      metric: "ringtap_tcp_connections",
      unit: "count",
      isLevel: true,
      heading: "CONNS",
      help: "TCP connections open now",
    },
    {
      key: "sent_bytes",
      sort: "sent",
      metric: "ringtap_tcp_sent_bytes_total",
      unit: "bytes",
      heading: "SENT",
      help: "TCP payload sent, bytes",
    },
    {
      key: "received_bytes",
      sort: "received",
      metric: "ringtap_tcp_received_bytes_total",
      unit: "bytes",
      heading: "RECV",
      help: "TCP payload received, bytes",
    },
    {
      key: "retransmits",
      metric: "ringtap_tcp_retransmits_total",
      unit: "count",
      heading: "RTX",
      isDetail: true,
      help: "TCP segments sent again",
      isFailure: true,
    },
    { key: "resets", metric: "ringtap_tcp_resets_total", unit: "count", help: "TCP resets sent and received" },
  ],
  latencies: [
    { key: "connect", title: "TCP connect", metric: "ringtap_tcp_connect_seconds" },
    { key: "rtt", title: "TCP round trip", metric: "ringtap_tcp_rtt_seconds" },
    { key: "connection", title: "TCP connection, lifetime", metric: "ringtap_tcp_connection_seconds" },
  ],
  headline: [{ title: "TCP connects", column: "connects" }],
};
