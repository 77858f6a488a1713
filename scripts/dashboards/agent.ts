/** Whether the agents do what they should, and what they cost. */
import { dashboard } from "./dashboard.js";
import { heatmap, stat, table, timeseries } from "./panels.js";
import { chosenAgents, ofAgents, queries, sumBy, top } from "./promql.js";
import { agentVariables } from "./variables.js";

const { series, rate, sum, increase, quantile, heat } = queries(chosenAgents);

const dropped = "ringtap_events_dropped_total";

/** What l7 and syscall do not deliver as records, they count nevertheless. */
const recordless = increase(dropped, [], 'signal=~"l7|syscall",reason="ring_full"');

export const agent = dashboard({
  uid: "ringtap-agent",
  title: "ringtap: the agent",
  description: "Whether the agents of the chosen nodes see everything, what is lost where, and what they cost.",
  variables: agentVariables,
  rows: [
    {
      title: "Now",
      lines: [
        [
          stat({
            title: "Agents",
            description: "Nodes whose agent answers.",
            unit: "short",
            query: sum("ringtap_build_info"),
          }),
          stat({
            title: "Agents that do not answer",
            description: "Targets of the same jobs that are down.",
            unit: "short",
            query: sumBy([], `${series("up")} == bool 0 and on (job) ringtap_build_info`),
            red: 1,
          }),
          stat({
            title: "Signals that are down",
            description: "Not attached on some node; the agent's log says why.",
            unit: "short",
            query: sumBy([], `${series("ringtap_signal_up")} == bool 0`),
            red: 1,
          }),
          stat({
            title: "Events lost",
            description:
              "Due and not in the metrics, in the time shown. What is counted without a record is not among them.",
            unit: "short",
            query: `${increase(dropped, [], 'reason!="sampled"')} - (${recordless} or vector(0))`,
            red: 1,
          }),
          stat({
            title: "Counted as ~other",
            description: "Updates beyond the limit on series, in the time shown.",
            unit: "short",
            query: increase("ringtap_series_folded_total"),
            red: 1,
          }),
          stat({
            title: "Configurations refused",
            description: "Agents that refused a new configuration and go on with the previous one.",
            unit: "short",
            query: sumBy([], `${series("ringtap_config_last_reload_successful")} == bool 0`),
            red: 1,
          }),
        ],
      ],
    },
    {
      title: "Events",
      lines: [
        [
          timeseries({
            title: "Events by signal",
            description:
              "What BPF programs had to deliver; system calls are counted in the kernel unless they are streamed.",
            unit: "cps",
            queries: { "{{signal}}": rate("ringtap_events_produced_total", ["signal"]) },
          }),
          timeseries({
            title: "Lost or sampled",
            description: "Events that are not in the metrics, by reason.",
            unit: "cps",
            queries: { "{{signal}} {{reason}}": rate(dropped, ["signal", "reason"]) },
          }),
          timeseries({
            title: "Runs that the kernel left out",
            description: "Of programs that were running on that CPU already. Some of these were events.",
            unit: "cps",
            queries: { "{{program}}": rate("ringtap_bpf_program_misses_total", ["program"]) },
          }),
        ],
        [
          timeseries({
            title: "Rings in use",
            description: "Share of each ring that waits to be taken out, the fullest of all nodes.",
            unit: "percentunit",
            queries: {
              "{{signal}}": `max by (signal) (${series("ringtap_ring_used_bytes")} / ${series("ringtap_ring_size_bytes")})`,
            },
            max: 1,
          }),
          timeseries({
            title: "Kernel maps in use",
            description: "Share of the entries that each can hold, on the node where it is fullest.",
            unit: "percentunit",
            queries: {
              "{{map}}": `max by (map) (${series("ringtap_map_entries")} / ${series("ringtap_map_capacity")})`,
            },
            max: 1,
          }),
          timeseries({
            title: "Processes in the table",
            description: "Share of --identity-limit; further processes are counted as ~other.",
            unit: "percentunit",
            queries: {
              "{{instance}}": top(`${series("ringtap_identities")} / ${series("ringtap_identities_limit")}`),
            },
            max: 1,
          }),
        ],
      ],
    },
    {
      title: "Series and scrapes",
      lines: [
        [
          timeseries({
            title: "Series by metric",
            description: "Of the chosen agents together, every bucket of a histogram counted.",
            unit: "short",
            queries: { "{{metric}}": top(sum("ringtap_series", ["metric"])) },
          }),
          timeseries({
            title: "Room for series",
            description: "The largest metric of each agent, as a share of --series-limit.",
            unit: "percentunit",
            queries: {
              "{{instance}}": top(
                `max by (job, instance) (${series("ringtap_series")}) / on (job, instance) ${series("ringtap_series_limit")}`,
              ),
            },
            max: 1,
          }),
          timeseries({
            title: "Counted as ~other, by metric",
            description: "Updates beyond the limit on series.",
            unit: "cps",
            queries: { "{{metric}}": rate("ringtap_series_folded_total", ["metric"]) },
          }),
        ],
        [
          heatmap({
            title: "Time to answer a scrape",
            description: "Bringing everything up to date, and writing it.",
            unit: "s",
            query: heat("ringtap_scrape_duration_seconds"),
          }),
          timeseries({
            title: "Time to answer, by node",
            description: "What 99 % of scrapes take at most.",
            unit: "s",
            queries: { "{{instance}}": top(quantile(0.99, "ringtap_scrape_duration_seconds", ["instance"])) },
          }),
          timeseries({
            title: "Pages that are open",
            description: "Browsers that the agents feed with what happens now.",
            unit: "short",
            queries: { "{{instance}}": series("ringtap_page_viewers") },
          }),
        ],
      ],
    },
    {
      title: "What it costs",
      lines: [
        [
          timeseries({
            title: "CPU",
            description: "Of a core, userspace and kernel on its behalf; not what its programs add to system calls.",
            unit: "percentunit",
            queries: {
              "{{instance}}": top(`(${ofAgents(rate("process_cpu_seconds_total", ["job", "instance"]))})`),
            },
          }),
          timeseries({
            title: "Resident memory",
            description: "Rings and kernel maps come on top.",
            unit: "bytes",
            queries: { "{{instance}}": top(`(${ofAgents(series("process_resident_memory_bytes"))})`) },
          }),
          timeseries({
            title: "Event loop",
            description: "How late timers are, 99 % of them at most.",
            unit: "s",
            queries: { "{{instance}}": top(`(${ofAgents(series("nodejs_eventloop_lag_p99_seconds"))})`) },
          }),
        ],
        [
          timeseries({
            title: "CPU and BPF programs, by signal",
            description:
              "Of a core, of all chosen nodes: ~agent is the agent's own time, the others what their programs ran, estimated from a sample.",
            unit: "percentunit",
            queries: { "{{signal}}": rate("ringtap_overhead_seconds_total", ["signal"]) },
          }),
          timeseries({
            title: "What ringtap costs, by node",
            description: "Of a core: the agent and its programs together.",
            unit: "percentunit",
            queries: {
              "{{instance}}": top(`(${rate("ringtap_overhead_seconds_total", ["job", "instance"])})`),
            },
          }),
          timeseries({
            title: "Depths given up",
            description: "How far signals are below what their flags ask for, because of --overhead.limit.",
            unit: "short",
            queries: { "{{instance}} {{signal}}": sum("ringtap_overhead_steps", ["instance", "signal"]) },
          }),
        ],
        [
          timeseries({
            title: "Time in BPF programs",
            description: "Of a core, of all that runs on the nodes; only with --bpf.stats.",
            unit: "percentunit",
            queries: { "{{program}}": top(rate("ringtap_bpf_program_seconds_total", ["program"])) },
          }),
          timeseries({
            title: "One run of a BPF program",
            description: "On average; only with --bpf.stats.",
            unit: "s",
            queries: {
              "{{program}}": top(
                `${rate("ringtap_bpf_program_seconds_total", ["program"])} / ${rate("ringtap_bpf_program_runs_total", ["program"])}`,
              ),
            },
          }),
          table({
            title: "Builds",
            description: "What runs where.",
            columns: [
              {
                name: "Agents",
                unit: "short",
                query: sum("ringtap_build_info", ["instance", "version", "libbpf", "kernel", "arch"]),
              },
            ],
          }),
        ],
      ],
    },
    {
      title: "Names from Kubernetes",
      lines: [
        [
          timeseries({
            title: "Agents that hear from the API server",
            description: "By what they follow; empty where labels need no names of it.",
            unit: "short",
            queries: { "{{resource}}": sum("ringtap_kubernetes_up", ["resource"]) },
          }),
          timeseries({
            title: "Age of what is known",
            description: "Since it was last known to be as it is in the cluster: the oldest of all nodes.",
            unit: "s",
            queries: {
              "{{resource}}": `time() - min by (resource) (${series("ringtap_kubernetes_last_sync_timestamp_seconds")})`,
            },
          }),
          timeseries({
            title: "Objects that are known",
            description: "Of all chosen agents together.",
            unit: "short",
            queries: { "{{resource}}": sum("ringtap_kubernetes_objects", ["resource"]) },
          }),
        ],
      ],
    },
  ],
});
