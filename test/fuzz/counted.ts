/** From a scrape to the same counts that {@link expect} works out. */
import type { Samples } from "../kernel/support/samples.js";
import { add, type Counts } from "./counts.js";
import { callNames, ownName, resetsSent } from "./expect.js";

interface Series {
  readonly metric: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const watched = new Set(Object.values(callNames));

const metrics = new Set([
  "ringtap_file_opens_total",
  "ringtap_process_execs_total",
  "ringtap_process_exits_total",
  "ringtap_syscalls_total",
  "ringtap_syscall_errors_total",
  "ringtap_tcp_connects_total",
  "ringtap_tcp_accepts_total",
  "ringtap_tcp_sent_bytes_total",
  "ringtap_tcp_received_bytes_total",
  "ringtap_tcp_resets_total",
  "ringtap_tcp_retransmits_total",
  "ringtap_tcp_connections",
]);

/** Outcomes of connects of which no SYN was sent: to where there is no route is the program's only unreachable one. */
const withoutSyn = new Set(["unreachable", "other"]);

/** Outcomes that the kernel counts as failed attempts; to give up is none (tcp_done()). */
const failures = new Set(["refused", "timed_out", "reset"]);

/** The prefix of the names of a run's processes: `f12.3_` of `f12.3_w`. */
function prefixOf(comm: string): string {
  return comm.slice(0, comm.indexOf("_") + 1);
}

/** What a scrape says of each run, by the prefix of its processes' names. `groups` is what paths of control groups begin with. */
export function countedByRun(samples: Samples, groups: string): Map<string, Counts> {
  const runs = new Map<string, Counts>();
  for (const [text, value] of samples) {
    const brace = text.indexOf("{");
    const metric = text.slice(0, brace);
    if (brace < 0 || !metrics.has(metric)) {
      continue;
    }
    const labels = Object.fromEntries(
      Array.from(text.slice(brace).matchAll(/[{,](\w+)="((?:[^"\\]|\\.)*)"/g), ([, name = "", label = ""]) => [
        name,
        label,
      ]),
    );
    const prefix = prefixOf(labels.comm ?? "");
    if (prefix !== "") {
      const counts = runs.get(prefix) ?? new Map<string, number>();
      runs.set(prefix, counts);
      count(counts, { metric, labels, value }, groups);
    }
  }
  return runs;
}

function count(counts: Counts, { metric, labels, value }: Series, groups: string): void {
  const { pid = "", comm = "", cgroup = "", syscall = "", result = "", family = "" } = labels;
  switch (metric) {
    case "ringtap_file_opens_total":
      // Those of the process that leads the others are its own business.
      if (!comm.endsWith("_m")) {
        const group = cgroup.startsWith(groups) ? cgroup.slice(groups.length) : "";
        add(counts, `opens pid=${pid} comm=${comm} group=${group} result=${result}`, value);
      }
      break;
    case "ringtap_process_execs_total":
      add(counts, `execs comm=${comm}`, value);
      break;
    case "ringtap_process_exits_total":
      add(counts, `exits comm=${comm} reason=${labels.reason ?? ""}`, value);
      break;
    case "ringtap_syscalls_total":
      add(
        counts,
        `calls pid=${pid}${ownName.test(comm) ? ` comm=${comm}` : ""} syscall=${syscall}`,
        watched.has(syscall) ? value : 0,
      );
      break;
    case "ringtap_syscall_errors_total":
      add(counts, `errors pid=${pid} syscall=${syscall} errno=${labels.errno ?? ""}`, watched.has(syscall) ? value : 0);
      break;
    case "ringtap_tcp_connects_total":
      add(counts, `connects pid=${pid} comm=${comm} family=${family} result=${result}`, value);
      add(counts, "namespace ActiveOpens", withoutSyn.has(result) ? 0 : value);
      add(counts, "namespace AttemptFails", failures.has(result) ? value : 0);
      break;
    case "ringtap_tcp_accepts_total":
      add(counts, `accepts pid=${pid} comm=${comm} family=${family}`, value);
      add(counts, "namespace PassiveOpens", value);
      break;
    case "ringtap_tcp_sent_bytes_total":
      add(counts, `sent pid=${pid}`, value);
      break;
    case "ringtap_tcp_received_bytes_total":
      add(counts, `received pid=${pid}`, value);
      break;
    case "ringtap_tcp_connections":
      add(counts, `open pid=${pid} role=${labels.role ?? ""}`, value);
      break;
    case "ringtap_tcp_resets_total":
      add(counts, resetsSent, labels.direction === "sent" ? value : 0);
      break;
    case "ringtap_tcp_retransmits_total":
      add(counts, "namespace RetransSegs", value);
      break;
  }
}

/** A number that is not what it has to be. */
export interface Difference {
  readonly what: string;
  readonly expected: number;
  readonly counted: number;
  /** What the scrape says of its process, whatever the name. */
  readonly samples?: readonly string[];
}

/** The samples of the metrics above that have the pid of a difference, if it has one. */
export function samplesOf({ what }: Difference, samples: Samples): string[] {
  const pid = / pid=(\d+)/.exec(what)?.[1];
  const ofProcess = pid === undefined ? [] : [...samples].filter(([text]) => text.includes(`pid="${pid}"`));
  return ofProcess
    .filter(([text]) => metrics.has(text.slice(0, text.indexOf("{"))))
    .map(([text, value]) => `${text} ${value}`);
}

/**
 * Leaves out calls that count for their process, but not for its name: the record of a rename may come after a reading of the calls that
 * the kernel has counted (docs/metrics.md).
 */
function withoutLateNames(all: readonly Difference[]): Difference[] {
  const more = new Map(all.map((each) => [each.what, each.counted - each.expected]));
  const explained = new Set<string>();
  for (const { what, expected, counted } of all) {
    const unnamed = what.replace(/ comm=\S+(?= syscall=)/, "");
    if (unnamed !== what && expected > counted && more.get(unnamed) === expected - counted) {
      explained.add(what).add(unnamed);
    }
  }
  return all.filter(({ what }) => !explained.has(what));
}

/** What differs, by what it counts. */
export function differences(expected: Counts, counted: Counts): Difference[] {
  const all = [...new Set([...expected.keys(), ...counted.keys()])]
    .sort()
    .map((what) => ({ what, expected: expected.get(what) ?? 0, counted: counted.get(what) ?? 0 }))
    .filter((each) => each.expected !== each.counted);
  return withoutLateNames(all);
}
