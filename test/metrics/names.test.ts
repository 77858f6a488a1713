import assert from "node:assert/strict";
import { test } from "node:test";
import { checkLabelNames, checkMetricName } from "../../src/metrics/names.js";

test("a metric name follows the grammar", () => {
  for (const name of ["", "1up_total", "a-b_total", "a b_total", "é_total", "a_total\n"]) {
    assert.throws(() => {
      checkMetricName("counter", name);
    }, /not a Prometheus metric name/);
  }
});

test("a name says its type", () => {
  checkMetricName("counter", "ringtap_events_total");
  checkMetricName("gauge", "ringtap_series");
  checkMetricName("histogram", "ringtap_tcp_connect_seconds");
  assert.throws(() => {
    checkMetricName("counter", "ringtap_events");
  }, /must end in _total/);
  for (const suffix of ["_total", "_bucket", "_sum", "_count"]) {
    for (const type of ["gauge", "histogram"] as const) {
      assert.throws(() => {
        checkMetricName(type, `ringtap_x${suffix}`);
      }, /must not end in/);
    }
  }
});

test("label names follow the grammar, are not Prometheus's own, and occur once", () => {
  checkLabelNames([]);
  checkLabelNames(["pid", "_comm", "container_id"]);
  for (const name of ["", "0x", "a-b", "a:b", "__name__", "__x"]) {
    assert.throws(() => {
      checkLabelNames([name]);
    }, /not a Prometheus label name/);
  }
  assert.throws(() => {
    checkLabelNames(["pid", "comm", "pid"]);
  }, /named twice/);
});
