/** One program, in all its processes: by pod and container where there are such. */
import { dashboard, labelVariable } from "./dashboard.js";
import { stat, table, timeseries } from "./panels.js";
import { chosenPrograms, queries, top } from "./promql.js";
import {
  bytes,
  callErrors,
  callsByName,
  connects,
  connectsByOutcome,
  estimated,
  lifetimes,
  openConnections,
  systemCalls,
  timeByCall,
  timeToConnect,
} from "./shared.js";
import { agentVariables, anyOf, programVariable } from "./variables.js";

/** Of the metrics that know whose process it is. */
const known = ["ringtap_tcp_connections", "ringtap_syscalls_total", "ringtap_file_opens_total"];

const chosen = queries(`${chosenPrograms},namespace=~"$namespace",pod=~"$pod"`);
const { rate, sum } = chosen;

/** Histograms, starts and ends know programs by name only. */
const byName = queries(chosenPrograms);

/** The labels that identify processes, as far as `--labels` has them. */
const whose = ["instance", "namespace", "pod", "container", "pid", "comm"];

export const program = dashboard({
  uid: "ringtap-program",
  title: "ringtap: one program",
  description: "What the chosen programs do. Times and starts are those of all programs of the name, in whichever pod.",
  variables: [
    ...agentVariables,
    labelVariable("namespace", anyOf(known)),
    labelVariable("pod", anyOf(known, ',namespace=~"$namespace"')),
    programVariable(...known),
  ],
  rows: [
    {
      title: "Now",
      lines: [
        [
          openConnections(chosen),
          connects(chosen),
          systemCalls(chosen),
          stat({
            title: "Opens",
            description: "Files opened, or not.",
            unit: "cps",
            query: rate("ringtap_file_opens_total"),
          }),
        ],
        [
          table({
            title: "Processes",
            description: "Where the program runs, as far as the agent's labels tell.",
            columns: [
              { name: "Calls a second", unit: "cps", query: rate("ringtap_syscalls_total", whose) },
              { name: "Connects a second", unit: "cps", query: rate("ringtap_tcp_connects_total", whose) },
              { name: "Open connections", unit: "short", query: sum("ringtap_tcp_connections", whose) },
              { name: "Sent", unit: "Bps", query: rate("ringtap_tcp_sent_bytes_total", whose) },
              { name: "Received", unit: "Bps", query: rate("ringtap_tcp_received_bytes_total", whose) },
            ],
          }),
        ],
      ],
    },
    {
      title: "TCP",
      lines: [
        [connectsByOutcome(chosen), timeToConnect(byName), bytes(chosen)],
        [
          timeseries({
            title: "Connections",
            description: "Open now, by who connected (client) and who accepted (server).",
            unit: "short",
            queries: { "{{role}}": sum("ringtap_tcp_connections", ["role"]) },
          }),
          timeseries({
            title: "Round-trip time",
            description: "Of connections that carried data: what half, and what 99 %, have at most.",
            unit: "s",
            queries: {
              "50 %": byName.quantile(0.5, "ringtap_tcp_rtt_seconds"),
              "99 %": byName.quantile(0.99, "ringtap_tcp_rtt_seconds"),
            },
          }),
          lifetimes(byName),
        ],
      ],
    },
    {
      title: "System calls and files",
      lines: [
        [
          callsByName(chosen),
          timeByCall(chosen),
          timeseries({
            title: "Slow calls",
            description: `What 99 % of a call's take at most, waiting included. ${estimated}`,
            unit: "s",
            queries: { "{{syscall}}": top(byName.quantile(0.99, "ringtap_syscall_duration_seconds", ["syscall"])) },
          }),
        ],
        [
          callErrors(chosen),
          timeseries({
            title: "Files opened",
            description: "By outcome.",
            unit: "cps",
            queries: { "{{result}}": rate("ringtap_file_opens_total", ["result"]) },
          }),
          timeseries({
            title: "Starts and ends",
            description: "Successful execve, and processes that ended, by how.",
            unit: "cps",
            queries: {
              started: byName.rate("ringtap_process_execs_total"),
              "ended: {{reason}}": byName.rate("ringtap_process_exits_total", ["reason"]),
            },
          }),
        ],
      ],
    },
  ],
});
