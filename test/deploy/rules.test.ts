/** The rules for Prometheus: about metrics that there are, in the chart as well; each alert fires when it should, and not before. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { parse } from "yaml";

import { anchors, readDocument } from "../docs/documents.js";
import { promtool } from "../exposition/promtool.js";
import { only, render } from "./chart.js";
import { alerts, type Expected, firing, growing, play, type Played, rules, rulesPath } from "./play-rules.js";
import { metricsOf, undocumented } from "./queries.js";

const node = 'job="ringtap",instance="node-1"';

function connects(comm: string, result: string): string {
  return `ringtap_tcp_connects_total{${node},comm="${comm}",result="${result}"}`;
}

function served(device: string, part: "count" | "sum"): string {
  return `ringtap_block_device_seconds_${part}{${node},device="${device}"}`;
}

function waits(comm: string, le: string): string {
  return `ringtap_sched_run_queue_delay_seconds_bucket{${node},comm="${comm}",le="${le}"}`;
}

function requests(comm: string, error: string): string {
  return `http_server_request_duration_seconds_count{${node},comm="${comm}",http_route="/",error_type="${error}"}`;
}

function operations(comm: string, error: string): string {
  return `db_client_operation_duration_seconds_count{${node},comm="${comm}",db_system_name="redis",error_type="${error}"}`;
}

/** Series that are well, most of them so just about. */
const well: Played = {
  [`up{${node}}`]: "1+0x60",
  ringtap_build_info: "1+0x60",
  'ringtap_signal_up{signal="tcp"}': "1+0x60",
  'ringtap_events_produced_total{signal="tcp"}': "0+1000x60",
  'ringtap_events_dropped_total{signal="tcp",reason="ring_full"}': "7+0x60",
  'ringtap_events_dropped_total{signal="syscall",reason="sampled"}': "0+50x60",
  'ringtap_events_dropped_total{signal="l7",reason="ring_full"}': "7+0x60",
  'ringtap_bpf_program_misses_total{program="tcp_state"}': "0+9x60",
  'ringtap_bpf_program_misses_total{program="syscall_exit"}': "2+0x60",
  'ringtap_ring_used_bytes{signal="tcp"}': "500+0x60",
  'ringtap_ring_size_bytes{signal="tcp"}': "1000+0x60",
  'ringtap_map_entries{map="tcp_connections"}': "90+0x60",
  'ringtap_map_capacity{map="tcp_connections"}': "100+0x60",
  'ringtap_series_folded_total{metric="ringtap_syscalls_total"}': "9+0x60",
  ringtap_identities_folded_total: "3+0x60",
  'ringtap_kubernetes_up{resource="pods"}': "1+0x60",
  ringtap_config_last_reload_successful: "1+0x60",
  // 100 ms each; slow but few; what has failed once; one a second; nothing new.
  [served("sda", "count")]: "0+120x60",
  [served("sda", "sum")]: "0+12x60",
  [served("sdb", "count")]: "0+30x60",
  [served("sdb", "sum")]: "0+60x60",
  'ringtap_block_errors_total{device="sda",error="EIO"}': "1+0x60",
  'ringtap_drop_packets_total{comm="web",reason="SOCKET_RCVBUFF"}': "0+60x60",
  'ringtap_drop_packets_total{comm="web",reason="NO_SOCKET"}': "0+6000x60",
  'ringtap_drop_packets_total{comm="web",reason="NOT_SPECIFIED"}': "0+60000x60",
  'ringtap_drop_connections_total{comm="web"}': "0+6x60",
  [waits("web", "0.1")]: "0+99x60",
  [waits("web", "0.2")]: "0+100x60",
  [waits("web", "+Inf")]: "0+100x60",
  'ringtap_sched_throttled_periods_total{container="web"}': "0+25x60",
  'ringtap_sched_limit_periods_total{container="web"}': "0+100x60",
  'ringtap_memory_oom_kills_total{pid="7",comm="web",scope="group"}': "1+0x60",
  // A twentieth of many; all of few; those that a program exports itself.
  [requests("web", "")]: "0+1140x60",
  [requests("web", "500")]: "0+40x60",
  [requests("web", "closed")]: "0+20x60",
  [requests("probe", "503")]: "0+6x60",
  [`http_server_request_duration_seconds_count{${node},error_type="500"}`]: "0+600x60",
  [operations("web", "")]: "0+1140x60",
  [operations("web", "WRONGTYPE")]: "0+60x60",
  // A quarter of many; all of few; many that were given up.
  [connects("web", "established")]: "0+180x60",
  [connects("web", "refused")]: "0+40x60",
  [connects("web", "timed_out")]: "0+20x60",
  [connects("probe", "refused")]: "0+6x60",
  [connects("browser", "established")]: "0+60x60",
  [connects("browser", "aborted")]: "0+600x60",
};

/** For each alert what is different when it fires. */
const ill: Readonly<Record<string, Played>> = {
  RingtapAbsent: { ringtap_build_info: "_x60" },
  RingtapDown: { [`up{${node}}`]: "0+0x60" },
  RingtapSignalDown: { 'ringtap_signal_up{signal="tcp"}': "0+0x60" },
  RingtapEventsLost: { 'ringtap_events_dropped_total{signal="tcp",reason="ring_full"}': "0+10x60" },
  RingtapManyEventsLost: { 'ringtap_events_dropped_total{signal="tcp",reason="ring_full"}': "0+11x60" },
  // Most of its records, and no count.
  RingtapRecordsLost: {
    'ringtap_events_produced_total{signal="l7"}': "0+1000x60",
    'ringtap_events_dropped_total{signal="l7",reason="ring_full"}': "0+900x60",
  },
  RingtapProgramMissed: { 'ringtap_bpf_program_misses_total{program="syscall_exit"}': "0+1x60" },
  RingtapFallsBehind: { 'ringtap_ring_used_bytes{signal="tcp"}': "501+0x60" },
  RingtapMapFillsUp: { 'ringtap_map_entries{map="tcp_connections"}': "91+0x60" },
  RingtapOverheadLimited: { 'ringtap_overhead_steps{signal="syscall"}': "1+0x60" },
  RingtapSeriesFolded: { 'ringtap_series_folded_total{metric="ringtap_syscalls_total"}': "0+100x60" },
  RingtapIdentitiesFolded: { ringtap_identities_folded_total: "0+1x60" },
  RingtapNamesOutOfDate: { 'ringtap_kubernetes_up{resource="pods"}': "0+0x60" },
  RingtapConfigurationRefused: { ringtap_config_last_reload_successful: "0+0x60" },
  RingtapDiskSlow: { [served("sda", "sum")]: "0+13x60" },
  RingtapDiskErrors: { 'ringtap_block_errors_total{device="sda",error="EIO"}': "0+1x60" },
  RingtapSocketsFull: { 'ringtap_drop_packets_total{comm="web",reason="SOCKET_RCVBUFF"}': "0+61x60" },
  RingtapPacketsDropped: { 'ringtap_drop_packets_total{comm="web",reason="NO_SOCKET"}': "0+6060x60" },
  RingtapListenersFull: { 'ringtap_drop_connections_total{comm="web"}': "0+7x60" },
  RingtapWaitsForCpu: { [waits("web", "0.1")]: "0+98x60" },
  RingtapThrottled: { 'ringtap_sched_throttled_periods_total{container="web"}': "0+26x60" },
  RingtapOomKill: { 'ringtap_memory_oom_kills_total{pid="8",comm="web",scope="group"}': "_x55 1+0x5" },
  RingtapRequestsFail: { [requests("web", "500")]: "0+50x60" },
  RingtapDatabaseOperationsFail: { [operations("web", "WRONGTYPE")]: "0+70x60" },
  RingtapConnectsFail: { [connects("web", "refused")]: "0+41x60" },
};

/** Alerts that fire with others. */
const company: Readonly<Record<string, readonly string[]>> = { RingtapManyEventsLost: ["RingtapEventsLost"] };

describe("the rules", () => {
  it("are rules", () => {
    const { status, output } = promtool(["check", "rules", rulesPath]);
    assert.equal(status, 0, output);
    assert.match(output, new RegExp(`SUCCESS: ${rules.length} rules found`));
  });

  it("are those of the PrometheusRule", () => {
    const { spec } = only(render({ prometheusRule: { enabled: true } }), "PrometheusRule");
    assert.deepEqual(spec, parse(readDocument(rulesPath)));
  });

  it("are about documented metrics, or what others record", () => {
    const recorded = rules.flatMap(({ record = [] }) => record);
    for (const { alert, record, expr } of rules) {
      const bare = recorded.reduce((rest, name) => rest.replaceAll(name, "0"), expr).replace(/\bup\b/, "0");
      assert.deepEqual(undocumented(bare), [], alert ?? record);
      assert.ok(bare !== expr || metricsOf(expr).length > 0, alert ?? record);
    }
  });

  it("record what alerts ask for, in the end", () => {
    const needed = new Set<string>();
    for (const { alert, record, expr } of rules.toReversed()) {
      if (alert !== undefined || needed.has(record ?? "")) {
        Array.from(expr.matchAll(/\w+:\w+:\w+/g), ([name]) => needed.add(name));
      }
    }
    assert.deepEqual(
      rules.flatMap(({ record = [] }) => record).filter((record) => !needed.has(record)),
      [],
    );
  });
});

describe("the configuration beside them", () => {
  it("is one that Prometheus takes, with its rules", () => {
    const { status, output } = promtool(["check", "config", "deploy/prometheus/prometheus.yaml"]);
    assert.equal(status, 0, output);
    assert.match(output, new RegExp(`${rulesPath}\n {2}SUCCESS: ${rules.length} rules found`));
  });
});

describe("each alert", () => {
  const headings = anchors(readDocument("docs/alerts.md"));

  for (const { alert = "", labels, annotations } of alerts) {
    it(`${alert} says how bad it is, what it means, and where help is`, () => {
      assert.match(labels?.severity ?? "", /^(critical|warning|info)$/);
      assert.deepEqual(Object.keys(annotations ?? {}), ["summary", "description", "runbook"]);
      const { summary = "", description = "", runbook = "" } = annotations ?? {};
      assert.ok(summary.endsWith(".") && description.endsWith("."));
      assert.equal(runbook, `docs/alerts.md#${alert.toLowerCase()}`);
      assert.ok(headings.includes(alert.toLowerCase()), runbook);
    });
  }
});

describe("alerts about the state of things", () => {
  it("are silent while all is well", () => {
    assert.equal(play(well, firing()), "");
  });

  for (const [alert, change] of Object.entries(ill)) {
    it(`${alert} fires, and no other`, () => {
      assert.equal(play({ ...well, ...change }, firing(alert, ...(company[alert] ?? []))), "");
    });
  }

  it("are all but those about latencies", () => {
    const names = alerts.flatMap(({ alert = [] }) => alert).filter((name) => !name.includes("LatencyBurns"));
    assert.deepEqual(names.toSorted(), Object.keys(ill).toSorted());
  });
});

describe("the alert about dropped packets", () => {
  const day = 24 * 60;
  const series = (name: string): string => `ringtap_drop_packets_total{${node},comm="web",reason="${name}"}`;
  const fires = (name: string): string =>
    `ALERTS{alertname="RingtapPacketsDropped",alertstate="firing",reason="${name}"}`;

  it("fires when there are four times as many as a day before", () => {
    const problems = play(
      {
        [series("NETFILTER_DROP")]: growing([60_000, day + 120]),
        [series("NO_SOCKET")]: growing([60_000, day + 60], [230_000, 60]),
        [series("IP_CSUM")]: growing([60_000, day + 60], [250_000, 60]),
        [series("QDISC_DROP")]: growing([0, day + 60], [7_000, 60]),
        // Of two programs, together.
        [series("NEIGH_FAILED")]: growing([0, day + 60], [4_000, 60]),
        [series("NEIGH_FAILED").replace("web", "job")]: growing([0, day + 60], [4_000, 60]),
      },
      Object.fromEntries(
        Object.entries({ NETFILTER_DROP: 0, NO_SOCKET: 0, IP_CSUM: 1, QDISC_DROP: 1, NEIGH_FAILED: 1 }).map(
          ([reason, count]) => [`count(${fires(reason)})`, count === 0 ? [] : [{ labels: "{}", value: count }]],
        ),
      ),
      { minutes: day + 119, group: "ringtap.devices" },
    );
    assert.equal(problems, "");
  });
});

const latencies = [
  {
    what: "connects",
    metric: "ringtap_tcp_connect_seconds",
    alert: "RingtapConnect",
    group: "ringtap.connect-latency",
  },
  {
    ...{ what: "requests", metric: "http_server_request_duration_seconds" },
    ...{ alert: "RingtapRequest", group: "ringtap.request-latency" },
  },
] as const;

for (const { what, metric, alert, group } of latencies) {
  describe(`alerts about latencies of ${what}`, () => {
    const hour = 60;
    const days = 3 * 24 * hour;
    const fast = `${alert}LatencyBurnsFast`;
    const slowly = `${alert}LatencyBurnsSlowly`;

    /** Percents of events that take longer than a second, for how many minutes each; nothing before; and what fires at the end. */
    const cases = [
      { late: [[20, hour]], fires: fast },
      { late: [[14, hour]] },
      {
        late: [
          [20, hour],
          [0, 10],
        ],
      },
      { late: [[7, 6 * hour]], fires: fast },
      { late: [[5, 6 * hour]] },
      {
        late: [
          [7, 6 * hour],
          [0, hour / 2 + 10],
        ],
      },
      { late: [[1.5, days]], fires: slowly },
      { late: [[0.9, days]] },
      {
        late: [
          [1.5, days - 7 * hour],
          [0, 7 * hour],
        ],
      },
      { late: [[100, days]], events: 1 },
    ] satisfies readonly { late: (readonly [number, number])[]; fires?: string; events?: number }[] as readonly {
      readonly late: readonly (readonly [percent: number, minutes: number])[];
      readonly fires?: string;
      /** A minute. */
      readonly events?: number;
    }[];

    /** Each case is a program of its own. */
    function eventsOf({ late, events = 6000 }: (typeof cases)[number], comm: string): Played {
      const labels = `${node},comm="${comm}"`;
      const before = days - late.reduce((total, [, minutes]) => total + minutes, 0);
      const stretches = ([[0, before], ...late] as const).filter(([, minutes]) => minutes > 0);
      return {
        [`${metric}_bucket{${labels},le="1.0"}`]: growing(
          ...stretches.map(([percent, minutes]) => [events * (1 - percent / 100), minutes] as const),
        ),
        [`${metric}_count{${labels}}`]: growing([events, days]),
      };
    }

    function answers(comm: string, fires?: string): Expected {
      const firing = (name: string): string => `count(ALERTS{alertname="${name}",alertstate="firing",comm="${comm}"})`;
      return Object.fromEntries(
        [fast, slowly].map((name) => [firing(name), name === fires ? [{ labels: "{}", value: 1 }] : []]),
      );
    }

    const name = (index: number): string => `case-${index}`;
    const problems = play(
      Object.assign({}, ...cases.map((each, index) => eventsOf(each, name(index)))) as Played,
      Object.assign({}, ...cases.map(({ fires }, index) => answers(name(index), fires))) as Expected,
      { minutes: days - 1, group },
    );

    cases.forEach(({ late, fires, events = 6000 }, index) => {
      const when = late.map(([percent, minutes]) => `${percent} % for ${minutes} minutes`).join(", then ");
      it(`${fires ?? "none"} fires when of ${events} ${what} a minute are late ${when}`, () => {
        assert.doesNotMatch(problems, new RegExp(`comm=."${name(index)}."`), problems);
      });
    });

    it("did nothing else", () => assert.equal(problems, ""));
  });
}

describe("what is recorded", () => {
  it("has these values", () => {
    const signal = `${node},signal="tcp"`;
    const series = {
      [connects("web", "established")]: growing([180, 60]),
      [connects("web", "refused")]: growing([30, 60]),
      [connects("web", "unreachable")]: growing([30, 60]),
      [connects("web", "aborted")]: growing([600, 60]),
      [`ringtap_tcp_connect_seconds_bucket{${node},comm="web",le="1"}`]: growing([120, 60]),
      [`ringtap_tcp_connect_seconds_bucket{${node},comm="web",le="2"}`]: growing([240, 60]),
      [`ringtap_tcp_connect_seconds_count{${node},comm="web"}`]: growing([240, 60]),
      [served("sda", "count")]: growing([120, 60]),
      [served("sda", "sum")]: growing([30, 60]),
      [waits("web", "0.5")]: growing([120, 60]),
      [waits("web", "+Inf")]: growing([120, 60]),
      [`ringtap_events_produced_total{${signal}}`]: growing([480, 60]),
      [`ringtap_events_dropped_total{${signal},reason="ring_full"}`]: growing([60, 60]),
      [`ringtap_events_dropped_total{${signal},reason="map_full"}`]: growing([60, 60]),
      [`ringtap_events_dropped_total{${signal},reason="sampled"}`]: growing([60, 60]),
      [`ringtap_series_folded_total{${node},metric="ringtap_syscalls_total"}`]: growing([30, 60]),
      [requests("web", "")]: growing([180, 60]),
      [requests("web", "500")]: growing([60, 60]),
      [`http_server_request_duration_seconds_bucket{${node},comm="web",le="1"}`]: growing([120, 60]),
      [operations("web", "")]: growing([180, 60]),
      [operations("web", "ERR")]: growing([60, 60]),
    };
    const ofClient = `{comm="web", db_system_name="redis", ${node}}`;
    const ofDisk = `{device="sda", ${node}}`;
    const ofProgram = `{comm="web", ${node}}`;
    const ofJob = '{comm="web", job="ringtap"}';
    const values: Readonly<Record<string, readonly [labels: string, value: number]>> = {
      "instance_comm:ringtap_tcp_connects:rate5m": [ofProgram, 4],
      "instance_comm:ringtap_tcp_connects_failed:rate5m": [ofProgram, 1],
      "instance_comm:ringtap_tcp_connect_failures:ratio_rate5m": [ofProgram, 0.25],
      "comm:ringtap_tcp_connects_established:rate5m": [ofJob, 4],
      "comm:ringtap_tcp_connects_in_time:rate5m": [ofJob, 2],
      "comm:ringtap_tcp_connects_late:ratio_rate5m": [ofJob, 0.5],
      "comm:ringtap_tcp_connects_late:ratio_rate30m": [ofJob, 0.5],
      "comm:ringtap_tcp_connects_late:ratio_rate1h": [ofJob, 0.5],
      "comm:ringtap_tcp_connects_late:ratio_rate6h": [ofJob, 0.5],
      "comm:ringtap_tcp_connects_late:ratio_rate3d": [ofJob, 0.5],
      "instance_comm:http_server_requests:rate5m": [ofProgram, 4],
      "instance_comm:http_server_requests_failed:rate5m": [ofProgram, 1],
      "instance_comm:http_server_request_failures:ratio_rate5m": [ofProgram, 0.25],
      "instance_comm:db_client_operations:rate5m": [ofClient, 4],
      "instance_comm:db_client_operations_failed:rate5m": [ofClient, 1],
      "instance_comm:db_client_operation_failures:ratio_rate5m": [ofClient, 0.25],
      "comm:http_server_requests:rate5m": [ofJob, 4],
      "comm:http_server_requests_in_time:rate5m": [ofJob, 2],
      "comm:http_server_requests_late:ratio_rate5m": [ofJob, 0.5],
      "comm:http_server_requests_late:ratio_rate30m": [ofJob, 0.5],
      "comm:http_server_requests_late:ratio_rate1h": [ofJob, 0.5],
      "comm:http_server_requests_late:ratio_rate6h": [ofJob, 0.5],
      "comm:http_server_requests_late:ratio_rate3d": [ofJob, 0.5],
      "instance_device:ringtap_block_served:rate5m": [ofDisk, 2],
      "instance_device:ringtap_block_busy:rate5m": [ofDisk, 0.5],
      "instance_device:ringtap_block_served_seconds:mean_rate5m": [ofDisk, 0.25],
      "instance_comm:ringtap_sched_run_queue_delay_seconds:p99_rate5m": [ofProgram, 0.495],
      "instance_signal:ringtap_events_lost:rate5m": [`{${signal}}`, 2],
      "instance_signal:ringtap_events_lost:ratio_rate5m": [`{${signal}}`, 0.25],
      "instance_metric:ringtap_series_folded:rate5m": [`{${node},metric="ringtap_syscalls_total"}`, 0.5],
    };
    const expected: Expected = Object.fromEntries(
      Object.entries(values).map(([record, [labels, value]]) => [record, [{ labels: `${record}${labels}`, value }]]),
    );
    assert.equal(play(series, expected), "");
    const recorded = rules.flatMap(({ record = [] }) => record);
    assert.deepEqual(Object.keys(values), recorded);
  });
});
