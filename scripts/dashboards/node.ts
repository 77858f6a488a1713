/** What happens on nodes, by program. */
import { dashboard } from "./dashboard.js";
import { disks, packets } from "./devices.js";
import { stat, timeseries } from "./panels.js";
import { chosenAgents, queries, top } from "./promql.js";
import { connects, failed, failedConnects, openConnections, systemCalls } from "./shared.js";
import { agentVariables } from "./variables.js";

const chosen = queries(chosenAgents);
const { increase, quantile, rate, sum } = chosen;

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
      title: "CPU and memory",
      lines: [
        [
          timeseries({
            title: "Waiting for a CPU",
            description: "What 99 % of a program's waits in the run queue take at most. Signal sched, off by default.",
            unit: "s",
            queries: { "{{comm}}": top(quantile(0.99, "ringtap_sched_run_queue_delay_seconds", ["comm"])) },
            programs: true,
          }),
          timeseries({
            title: "CPU time by program",
            description: "Seconds a second, of all threads. Signal sched, off by default.",
            unit: "s",
            queries: { "{{comm}} {{mode}}": top(rate("ringtap_sched_cpu_seconds_total", ["comm", "mode"])) },
            programs: true,
          }),
          timeseries({
            title: "Switched away from against their will",
            description:
              "Involuntary context switches: another thread was given the CPU. Signal sched, off by default.",
            unit: "cps",
            queries: {
              "{{comm}}": top(rate("ringtap_sched_context_switches_total", ["comm"], 'kind="involuntary"')),
            },
            programs: true,
          }),
        ],
        [
          timeseries({
            title: "Throttled by a CPU limit",
            description:
              "Share of the limit's periods in which a control group had used it up. Signal sched, off by default.",
            unit: "percentunit",
            queries: {
              throttled: `${rate("ringtap_sched_throttled_periods_total")} / ${rate("ringtap_sched_limit_periods_total")}`,
            },
          }),
          timeseries({
            title: "Killed for want of memory",
            description:
              "Processes, by whose memory was out: their control group's or the machine's. Signal memory, off by default.",
            unit: "short",
            queries: {
              "{{scope}}": increase("ringtap_memory_oom_kills_total", ["scope"]),
            },
          }),
          timeseries({
            title: "Waiting for memory",
            description:
              "What 99 % of a program's waits take at most in which it has to free memory itself. Signal memory, off by default.",
            unit: "s",
            queries: { "{{comm}}": top(quantile(0.99, "ringtap_memory_reclaim_stall_seconds", ["comm"])) },
            programs: true,
          }),
        ],
      ],
    },
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
