/** How long system calls take, and which of them. */
import { dashboard, labelVariable } from "./dashboard.js";
import { heatmap, stat, table, timeseries } from "./panels.js";
import { chosenPrograms, queries, top } from "./promql.js";
import { callErrors, callsByName, estimated, systemCalls, timeByCall } from "./shared.js";
import { agentVariables, programVariable } from "./variables.js";

const chosen = queries(`${chosenPrograms},syscall=~"$syscall"`);
const { rate, quantile, mean, heat } = chosen;

const call = ["comm", "syscall"];

const busiest = `topk(50, ${rate("ringtap_syscall_seconds_total", call)})`;

/** A column of a table of those that take the most time. */
function ofBusiest(query: string): string {
  return `${query} and on (comm, syscall) ${busiest}`;
}

/** Share of calls that return an error. */
function failures(by: readonly string[] = []): string {
  return `${rate("ringtap_syscall_errors_total", by)} / ${rate("ringtap_syscalls_total", by)}`;
}

export const syscalls = dashboard({
  uid: "ringtap-syscalls",
  title: "ringtap: system calls",
  description:
    "How long system calls take, from entry to return. Waiting is part of it: choose calls that are not meant to wait.",
  variables: [
    ...agentVariables,
    programVariable("ringtap_syscalls_total"),
    labelVariable("syscall", `ringtap_syscalls_total{${chosenPrograms}}`),
  ],
  rows: [
    {
      title: "Now",
      lines: [
        [
          systemCalls(chosen),
          stat({
            title: "Mean time",
            description: `From entry to return, waiting included. ${estimated}`,
            unit: "s",
            query: mean("ringtap_syscall_duration_seconds"),
          }),
          stat({
            title: "99 %",
            description: `What 99 % of calls take at most. ${estimated}`,
            unit: "s",
            query: quantile(0.99, "ringtap_syscall_duration_seconds"),
          }),
          stat({
            title: "Calls that fail",
            description: "That return an error, of all.",
            unit: "percentunit",
            query: failures(),
          }),
        ],
      ],
    },
    {
      title: "How long they take",
      lines: [
        [
          heatmap({
            title: "Duration",
            description: `Of all chosen calls. ${estimated}`,
            unit: "s",
            query: heat("ringtap_syscall_duration_seconds"),
          }),
          timeseries({
            title: "Duration: shares",
            description: `What half, 99 % and 99.9 % of calls take at most. ${estimated}`,
            unit: "s",
            queries: {
              "50 %": quantile(0.5, "ringtap_syscall_duration_seconds"),
              "99 %": quantile(0.99, "ringtap_syscall_duration_seconds"),
              "99.9 %": quantile(0.999, "ringtap_syscall_duration_seconds"),
            },
          }),
        ],
        [
          timeseries({
            title: "Slow calls",
            description: `What 99 % of a call's take at most. ${estimated}`,
            unit: "s",
            queries: { "{{syscall}}": top(quantile(0.99, "ringtap_syscall_duration_seconds", ["syscall"])) },
          }),
          timeseries({
            title: "Programs with slow calls",
            description: `What 99 % of a program's calls take at most. ${estimated}`,
            unit: "s",
            queries: { "{{comm}}": top(quantile(0.99, "ringtap_syscall_duration_seconds", ["comm"])) },
            programs: true,
          }),
          timeseries({
            title: "Mean time by call",
            description: `From entry to return, waiting included. ${estimated}`,
            unit: "s",
            queries: { "{{syscall}}": top(mean("ringtap_syscall_duration_seconds", ["syscall"])) },
          }),
        ],
      ],
    },
    {
      title: "What they cost, and which fail",
      lines: [
        [callsByName(chosen), timeByCall(chosen), callErrors(chosen)],
        [
          table({
            title: "Who calls what",
            description: `The fifty pairs of program and call that take the most time, waiting included. ${estimated}`,
            columns: [
              { name: "Seconds a second", unit: "s", query: busiest },
              { name: "Calls a second", unit: "cps", query: ofBusiest(rate("ringtap_syscalls_total", call)) },
              { name: "99 %", unit: "s", query: ofBusiest(quantile(0.99, "ringtap_syscall_duration_seconds", call)) },
              { name: "Fail", unit: "percentunit", query: ofBusiest(failures(call)) },
            ],
          }),
        ],
      ],
    },
  ],
});
