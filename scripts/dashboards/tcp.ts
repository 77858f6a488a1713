/** Whether TCP is well: outcomes, latencies, retransmissions, resets. */
import { dashboard } from "./dashboard.js";
import { heatmap, stat, timeseries } from "./panels.js";
import { chosenPrograms, queries, top } from "./promql.js";
import {
  bytes,
  connectsByOutcome,
  failedConnects,
  failures,
  lifetimes,
  openConnections,
  timeToConnect,
} from "./shared.js";
import { agentVariables, programVariable } from "./variables.js";

const chosen = queries(chosenPrograms);
const { rate, quantile, late, heat } = chosen;

export const tcp = dashboard({
  uid: "ringtap-tcp",
  title: "ringtap: TCP health",
  description: "Whether connections come about, how long that takes, and whether packets are lost.",
  variables: [
    ...agentVariables,
    programVariable("ringtap_tcp_connects_total", "ringtap_tcp_accepts_total", "ringtap_tcp_connections"),
  ],
  rows: [
    {
      title: "Now",
      lines: [
        [
          failedConnects(chosen),
          stat({
            title: "Connects that take over a second",
            description: "Of those that succeed: their SYN was sent again. The objective of the alerts is 1 %.",
            unit: "percentunit",
            query: late("ringtap_tcp_connect_seconds"),
            red: 0.01,
          }),
          stat({
            title: "Sent again",
            description: "Segments, SYN and SYN-ACK included.",
            unit: "cps",
            query: rate("ringtap_tcp_retransmits_total"),
          }),
          openConnections(chosen),
        ],
      ],
    },
    {
      title: "Whether connections come about",
      lines: [
        [
          connectsByOutcome(chosen),
          timeseries({
            title: "Share of connects that fail, by program",
            description: "Of those that have an outcome.",
            unit: "percentunit",
            queries: { "{{comm}}": top(failures(chosen, ["comm"])) },
            max: 1,
            programs: true,
          }),
          timeseries({
            title: "Share of connects that fail, by node",
            description: "Of those that have an outcome; one node, or all of them.",
            unit: "percentunit",
            queries: { "{{instance}}": top(failures(chosen, ["instance"])) },
            max: 1,
          }),
        ],
      ],
    },
    {
      title: "How long it takes",
      lines: [
        [
          heatmap({
            title: "Time to connect, all connects",
            description: "SYN to established. Second 1 is when a SYN is sent again.",
            unit: "s",
            query: heat("ringtap_tcp_connect_seconds"),
          }),
          timeToConnect(chosen),
          timeseries({
            title: "Time to connect, by program",
            description: "What 99 % of connects take at most.",
            unit: "s",
            queries: { "{{comm}}": top(quantile(0.99, "ringtap_tcp_connect_seconds", ["comm"])) },
            programs: true,
          }),
        ],
        [
          heatmap({
            title: "Round-trip time, all connections",
            description: "Of connections that carried data, sampled at each scrape.",
            unit: "s",
            query: heat("ringtap_tcp_rtt_seconds"),
          }),
          timeseries({
            title: "Round-trip time, by program",
            description: "Smoothed, of connections that carried data: what 99 % have at most.",
            unit: "s",
            queries: { "{{comm}}": top(quantile(0.99, "ringtap_tcp_rtt_seconds", ["comm"])) },
            programs: true,
          }),
          lifetimes(chosen),
        ],
      ],
    },
    {
      title: "What is lost, and what is cut off",
      lines: [
        [
          timeseries({
            title: "Segments sent again, by program",
            description: "Retransmissions, SYN and SYN-ACK included.",
            unit: "cps",
            queries: { "{{comm}}": top(rate("ringtap_tcp_retransmits_total", ["comm"])) },
            programs: true,
          }),
          timeseries({
            title: "Resets",
            description: "RST segments on the connections of a program, by direction.",
            unit: "cps",
            queries: { "{{comm}} {{direction}}": top(rate("ringtap_tcp_resets_total", ["comm", "direction"])) },
            programs: true,
          }),
          bytes(chosen),
        ],
      ],
    },
  ],
});
