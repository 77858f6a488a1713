/** What happens on nodes, by program. */
import { dashboard } from "./dashboard.js";
import { disks, packets } from "./devices.js";
import { stat, timeseries } from "./panels.js";
import { chosenAgents, queries, top } from "./promql.js";
import { connects, failed, failedConnects, openConnections, systemCalls } from "./shared.js";
import { agentVariables } from "./variables.js";

const chosen = queries(chosenAgents);
const { rate, sum } = chosen;

export const node = dashboard({
  uid: "ringtap-node",
  title: "ringtap: nodes",
  description: "What programs do on the chosen nodes. A program's name leads to what it does in detail.",
  variables: agentVariables,
  rows: [
    {
      title: "Now",
      lines: [
        [
          stat({
            title: "Nodes",
            description: "Those whose agent answers.",
            unit: "short",
            query: sum("ringtap_build_info"),
          }),
          connects(chosen),
          failedConnects(chosen),
          openConnections(chosen),
          systemCalls(chosen),
          stat({
            title: "Programs started",
            description: "Successful execve.",
            unit: "cps",
            query: rate("ringtap_process_execs_total"),
          }),
        ],
      ],
    },
    {
      title: "TCP",
      lines: [
        [
          timeseries({
            title: "Connects by program",
            description: "Active opens that have ended, with whatever outcome.",
            unit: "cps",
            queries: { "{{comm}}": top(rate("ringtap_tcp_connects_total", ["comm"])) },
            programs: true,
          }),
          timeseries({
            title: "Programs whose connects fail",
            description:
              "Active opens with any outcome but established, those left out that programs gave up themselves.",
            unit: "cps",
            queries: { "{{comm}} {{result}}": top(rate("ringtap_tcp_connects_total", ["comm", "result"], failed)) },
            programs: true,
          }),
          timeseries({
            title: "Connections accepted",
            description: "What accept and accept4 returned.",
            unit: "cps",
            queries: { "{{comm}}": top(rate("ringtap_tcp_accepts_total", ["comm"])) },
            programs: true,
          }),
        ],
        [
          timeseries({
            title: "Bytes sent",
            description: "Payload, retransmissions left out.",
            unit: "Bps",
            queries: { "{{comm}}": top(rate("ringtap_tcp_sent_bytes_total", ["comm"])) },
            programs: true,
          }),
          timeseries({
            title: "Bytes received",
            description: "Payload, in order.",
            unit: "Bps",
            queries: { "{{comm}}": top(rate("ringtap_tcp_received_bytes_total", ["comm"])) },
            programs: true,
          }),
          timeseries({
            title: "Open connections by program",
            description: "By who connected (client) and who accepted (server).",
            unit: "short",
            queries: { "{{comm}} {{role}}": top(sum("ringtap_tcp_connections", ["comm", "role"])) },
            programs: true,
          }),
        ],
      ],
    },
    {
      title: "System calls and files",
      lines: [
        [
          timeseries({
            title: "System calls by program",
            description: "Calls that have returned.",
            unit: "cps",
            queries: { "{{comm}}": top(rate("ringtap_syscalls_total", ["comm"])) },
            programs: true,
          }),
          timeseries({
            title: "Calls that fail",
            description: "Other than by having to wait.",
            unit: "cps",
            queries: {
              "{{comm}} {{syscall}} {{errno}}": top(
                rate(
                  "ringtap_syscall_errors_total",
                  ["comm", "syscall", "errno"],
                  'errno!~"EAGAIN|EINPROGRESS|ERESTART.*"',
                ),
              ),
            },
            programs: true,
          }),
          timeseries({
            title: "Files that could not be opened",
            description: "By the error that the program was told.",
            unit: "cps",
            queries: {
              "{{comm}} {{result}}": top(rate("ringtap_file_opens_total", ["comm", "result"], 'result!="ok"')),
            },
            programs: true,
          }),
        ],
      ],
    },
    disks(chosen),
    packets(chosen),
    {
      title: "Processes",
      lines: [
        [
          timeseries({
            title: "Programs started, by name",
            description: "Successful execve, by the name that it gave the process.",
            unit: "cps",
            queries: { "{{comm}}": top(rate("ringtap_process_execs_total", ["comm"])) },
            programs: true,
          }),
          timeseries({
            title: "Processes that end badly",
            description: "Killed by a signal, or with an exit code other than 0.",
            unit: "cps",
            queries: {
              "{{comm}} {{reason}}": top(rate("ringtap_process_exits_total", ["comm", "reason"], 'reason!="ok"')),
            },
            programs: true,
          }),
          timeseries({
            title: "Control groups",
            description: "Made and removed: about what containers and services come and go.",
            unit: "cps",
            queries: {
              made: rate("ringtap_cgroup_creates_total"),
              removed: rate("ringtap_cgroup_removes_total"),
            },
          }),
        ],
      ],
    },
  ],
});
