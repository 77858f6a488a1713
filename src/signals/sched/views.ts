/** What `top` and the page show of the scheduler. */
import type { Views } from "ringtap/signal";

export const views: Views = {
  position: 15,
  isFrequent: true,
  columns: [
    {
      key: "cpu_seconds",
      sort: "cpu",
      metric: "ringtap_sched_cpu_seconds_total",
      unit: "seconds",
      heading: "CPU",
      help: "CPU time of all threads",
    },
    {
      key: "run_queue_seconds",
      sort: "delay",
      metric: "ringtap_sched_run_queue_delay_seconds",
      unit: "seconds",
      heading: "WAIT",
      help: "time that threads waited for a CPU",
    },
    {
      key: "context_switches",
      sort: "switches",
      metric: "ringtap_sched_context_switches_total",
      unit: "count",
      heading: "SWITCH",
      isDetail: true,
      help: "context switches, voluntary and involuntary",
    },
    {
      key: "major_faults",
      metric: "ringtap_sched_page_faults_total",
      except: { label: "kind", value: "minor" },
      unit: "count",
      heading: "MAJFLT",
      isDetail: true,
      help: "page faults that had to read from a disk",
    },
    {
      key: "throttled_seconds",
      metric: "ringtap_sched_throttled_seconds_total",
      unit: "seconds",
      heading: "THROT",
      isDetail: true,
      help: "time that a control group was kept from the CPUs, since it had used up its limit",
      isFailure: true,
    },
    {
      key: "throttled_periods",
      metric: "ringtap_sched_throttled_periods_total",
      unit: "count",
      help: "periods of CPU limits in which control groups had used them up",
      isFailure: true,
    },
    {
      key: "limit_periods",
      metric: "ringtap_sched_limit_periods_total",
      unit: "count",
      help: "periods of CPU limits",
    },
  ],
  latencies: [{ key: "run_queue", title: "Waiting for a CPU", metric: "ringtap_sched_run_queue_delay_seconds" }],
  headline: [
    { title: "waiting for a CPU", column: "run_queue_seconds" },
    { title: "of CPU limits' periods throttled", column: "throttled_periods", of: "limit_periods" },
  ],
};
