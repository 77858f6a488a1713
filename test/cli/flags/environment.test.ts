import assert from "node:assert/strict";
import { test } from "node:test";

import { environmentVariable } from "../../../src/cli/flags/environment.js";
import { runOptions } from "../run/run-options.js";

test("a flag's variable", () => {
  assert.equal(environmentVariable("web.listen-address"), "RINGTAP_WEB_LISTEN_ADDRESS");
  assert.equal(environmentVariable("signals"), "RINGTAP_SIGNALS");
});

test("values, lists and switches", () => {
  const options = runOptions([], {
    RINGTAP_SIGNALS: "tcp, file",
    RINGTAP_SERIES_LIMIT: "7",
    RINGTAP_BPF_STATS: "true",
    RINGTAP_SYSCALL_ERRORS_ONLY: "false",
  });
  assert.deepEqual(options.signals, ["tcp", "file"]);
  assert.equal(options.seriesLimit, 7);
  assert.equal(options.bpfStats, true);
  assert.equal(options["syscall.errorsOnly"], false);
});

test("an empty variable counts as unset", () => {
  assert.deepEqual(runOptions([], { RINGTAP_SIGNALS: "", RINGTAP_CONFIG_FILE: "" }), runOptions([]));
});

test("variables that are no flags pass: Kubernetes sets them", () => {
  assert.deepEqual(runOptions([], { RINGTAP_PORT: "tcp://10.0.0.1:80", RINGTAP_SERVICE_HOST: "x" }), runOptions([]));
});

test("a switch may be 1 or 0", () => {
  assert.equal(runOptions([], { RINGTAP_STRICT: "1" }).strict, true);
  assert.equal(runOptions([], { RINGTAP_CAPABILITIES_DROP: "0" }).dropCapabilities, false);
});

for (const [variable, value, problem] of [
  ["RINGTAP_SERIES_LIMIT", "many", '--series-limit "many": expected a whole number from 1 to 10000000'],
  ["RINGTAP_BPF_STATS", "yes", '--bpf.stats "yes": expected true or false'],
  ["RINGTAP_SYSCALL_PIDS", "1", "--syscall.pids filters the records of stream mode: add --syscall.mode stream"],
] as const) {
  test(`${variable}=${value} is refused by its name`, () => {
    const message = `${problem} (from environment variable ${variable})`;
    assert.throws(() => runOptions([], { [variable]: value }), { name: "UsageError", message });
  });
}
