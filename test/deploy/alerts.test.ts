/** The alerts of the chart: rules that Prometheus takes, about metrics that there are, which fire when they should. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { parse, stringify } from "yaml";

import { chartFile, only, render } from "./chart.js";
import type { Groups } from "./kinds.js";
import { checkFiles, metricsOf, undocumented } from "./queries.js";

const text = chartFile("files/alerts.yaml");
const rules = (parse(text) as Groups).groups.flatMap(({ rules }) => rules);

/** Series that are well, and for each alert what they are when it fires, as promtool writes them: first value + step × count. */
const well: Readonly<Record<string, string>> = {
  ringtap_build_info: "1+0x60",
  'ringtap_signal_up{signal="tcp"}': "1+0x60",
  'ringtap_events_dropped_total{signal="tcp",reason="ring_full"}': "7+0x60",
  'ringtap_events_dropped_total{signal="syscall",reason="sampled"}': "0+50x60",
  'ringtap_bpf_program_misses_total{program="tcp_state"}': "2+0x60",
  'ringtap_ring_used_bytes{signal="tcp"}': "500+0x60",
  'ringtap_ring_size_bytes{signal="tcp"}': "1000+0x60",
  'ringtap_map_entries{map="tcp_connections"}': "90+0x60",
  'ringtap_map_capacity{map="tcp_connections"}': "100+0x60",
  'ringtap_series_folded_total{metric="ringtap_syscalls_total"}': "9+0x60",
  ringtap_identities_folded_total: "3+0x60",
  'ringtap_kubernetes_up{resource="pods"}': "1+0x60",
  ringtap_config_last_reload_successful: "1+0x60",
};

const ill: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  RingtapAbsent: { ringtap_build_info: "_x60" },
  RingtapSignalDown: { 'ringtap_signal_up{signal="tcp"}': "0+0x60" },
  RingtapEventsLost: { 'ringtap_events_dropped_total{signal="tcp",reason="ring_full"}': "0+10x60" },
  RingtapProgramMissed: { 'ringtap_bpf_program_misses_total{program="tcp_state"}': "0+1x60" },
  RingtapFallsBehind: { 'ringtap_ring_used_bytes{signal="tcp"}': "501+0x60" },
  RingtapMapFillsUp: { 'ringtap_map_entries{map="tcp_connections"}': "91+0x60" },
  RingtapSeriesFolded: { 'ringtap_series_folded_total{metric="ringtap_syscalls_total"}': "0+100x60" },
  RingtapIdentitiesFolded: { ringtap_identities_folded_total: "0+1x60" },
  RingtapNamesOutOfDate: { 'ringtap_kubernetes_up{resource="pods"}': "0+0x60" },
  RingtapConfigurationRefused: { ringtap_config_last_reload_successful: "0+0x60" },
};

/** Has promtool play an hour of `series` and compare what fires at its end. */
function play(series: Readonly<Record<string, string>>, firing: (alert: string) => boolean): string {
  const tests = {
    rule_files: ["alerts.yaml"],
    evaluation_interval: "1m",
    tests: [
      {
        interval: "1m",
        input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
        promql_expr_test: rules.map(({ alert }) => ({
          expr: `count(ALERTS{alertname="${alert}",alertstate="firing"})`,
          eval_time: "1h",
          exp_samples: firing(alert) ? [{ labels: "{}", value: 1 }] : [],
        })),
      },
    ],
  };
  const { status, output } = checkFiles(["test", "rules"], { "tests.yaml": stringify(tests), "alerts.yaml": text });
  return status === 0 ? "" : output;
}

describe("alerts", () => {
  it("are rules", () => {
    const { status, output } = checkFiles(["check", "rules"], { "alerts.yaml": text });
    assert.equal(status, 0, output);
    assert.match(output, new RegExp(`SUCCESS: ${rules.length} rules found`));
  });

  it("are those of the PrometheusRule", () => {
    const { spec } = only(render({ prometheusRule: { enabled: true } }), "PrometheusRule");
    assert.deepEqual(spec, parse(text));
  });

  it("are about documented metrics", () => {
    for (const { alert, expr } of rules) {
      assert.deepEqual(undocumented(expr), [], alert);
      assert.notDeepEqual(metricsOf(expr), [], alert);
    }
  });

  it("are silent while all is well", () => {
    assert.equal(
      play(well, () => false),
      "",
    );
  });

  for (const { alert } of rules) {
    it(`${alert} fires, and no other`, () => {
      const change = ill[alert];
      assert(change !== undefined, "no series that it fires at");
      assert.equal(
        play({ ...well, ...change }, (name) => name === alert),
        "",
      );
    });
  }
});
