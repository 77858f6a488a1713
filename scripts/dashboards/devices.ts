/** Rows about what the kernel does with disks and packets, by program. Their signals are off by default. */
import { timeseries } from "./panels.js";
import { type Queries, top } from "./promql.js";

export function disks({ quantile, rate }: Queries) {
  return {
    title: "Disks",
    lines: [
      [
        timeseries({
          title: "Time in the device",
          description:
            "What 99 % of a disk's requests take at most, from when its driver gets them. Signal block, off by default.",
          unit: "s",
          queries: {
            "{{device}} {{operation}}": top(quantile(0.99, "ringtap_block_device_seconds", ["device", "operation"])),
          },
        }),
        timeseries({
          title: "Bytes by program",
          description:
            "Read, written and discarded; ~writeback is what the kernel writes later. Signal block, off by default.",
          unit: "Bps",
          queries: { "{{comm}} {{operation}}": top(rate("ringtap_block_bytes_total", ["comm", "operation"])) },
          programs: true,
        }),
        timeseries({
          title: "Requests that fail",
          description: "By disk and error. Signal block, off by default.",
          unit: "cps",
          queries: { "{{device}} {{error}}": top(rate("ringtap_block_errors_total", ["device", "error"])) },
        }),
      ],
    ],
  };
}

export function packets({ rate }: Queries) {
  return {
    title: "Dropped packets and UDP",
    lines: [
      [
        timeseries({
          title: "Dropped packets by reason",
          description: "The kernel's own reasons. Signal drop, off by default.",
          unit: "cps",
          queries: { "{{reason}}": top(rate("ringtap_drop_packets_total", ["reason"])) },
        }),
        timeseries({
          title: "Dropped by full sockets",
          description: "Packets and connections that a program's sockets could not take. Signal drop, off by default.",
          unit: "cps",
          queries: {
            "{{comm}} {{reason}}": top(
              rate("ringtap_drop_packets_total", ["comm", "reason"], 'reason=~"SOCKET_.*|PROTO_MEM"'),
            ),
            "{{comm}} connections": top(rate("ringtap_drop_connections_total", ["comm"])),
          },
          programs: true,
        }),
        timeseries({
          title: "UDP datagrams by program",
          description: "Sent and received. Signal udp, off by default.",
          unit: "cps",
          queries: { "{{comm}} {{direction}}": top(rate("ringtap_udp_datagrams_total", ["comm", "direction"])) },
          programs: true,
        }),
      ],
    ],
  };
}
