import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { Command } from "commander";

import { KnownSignals } from "../../../src/cli/flags/own-signals.js";
import { throwErrors } from "../../../src/cli/errors.js";
import { addRunFlags } from "../../../src/cli/run/options.js";
import { sched } from "../../../src/signals/sched/signal.js";
import { syscall } from "../../../src/signals/syscall/signal.js";
import { tcp } from "../../../src/signals/tcp/signal.js";
import { configFile, runOptions } from "./run-options.js";

describe("values", () => {
  test("defaults", () => {
    assert.deepEqual(runOptions([]), {
      signals: ["tcp", "syscall", "file", "process"],
      signalsPath: [],
      strict: false,
      labels: ["pid", "comm"],
      pidSeries: "all",
      cgroupHierarchy: "auto",
      listenAddresses: ["127.0.0.1:19435"],
      systemdSocket: false,
      allowedHosts: [],
      telemetryPath: "/metrics",
      webConfig: undefined,
      seriesLimit: 100_000,
      scrapeInterval: 30_000,
      seriesRetention: 86_400_000,
      totalSeriesLimit: 200_000,
      bodyLimit: 10_000_000,
      identityLimit: 32_768,
      logLevel: "info",
      logFormat: "logfmt",
      "syscall.mode": "aggregate",
      "syscall.timing": "sampled",
      "syscall.minDuration": 0,
      "syscall.errorsOnly": false,
      "syscall.names": [],
      "syscall.pids": [],
      "syscall.comms": [],
      bpfStats: false,
      overheadLimit: undefined,
      ringSize: undefined,
      "tcp.connectionsLimit": 262_144,
      "tcp.countsLimit": 4096,
      "syscall.countsLimit": 32_768,
      "syscall.threadsLimit": 65_536,
      "file.countsLimit": 16_384,
      dropCapabilities: true,
      kubernetes: "auto",
      kubernetesNode: undefined,
      kubernetesPodLabels: [],
      kubernetesUrl: undefined,
      kubernetesTokenFile: undefined,
      kubernetesCaFile: undefined,
      peerLabels: [],
    });
  });

  test("every flag on the command line", () => {
    const options = runOptions([
      ...[
        "--signals",
        "file,tcp",
        "--labels",
        "comm,namespace",
        "--cgroup.hierarchy",
        "pids",
        "--series-limit",
        "7",
        "--pid-series=living",
        "--scrape-interval=2m",
        "--series-retention",
        "7d",
        "--total-series-limit=5000",
        "--body-limit=2MiB",
        "--identity-limit",
        "9",
        "--ring.size",
        "64KiB",
        "--bpf.stats",
        "--overhead.limit=2.5%",
      ],
      ...[
        "--web.listen-address",
        ":80",
        "--web.listen-address",
        "[::1]:81,localhost:82",
        "--web.systemd-socket",
        "--web.allowed-hosts=node1.example,*",
        "--web.telemetry-path",
        "/m/x",
      ],
      ...["--log.level", "warn", "--log.format", "json", "--syscall.mode", "stream", "--syscall.timing=all"],
      ...[
        "--syscall.errors-only",
        "--syscall.min-duration",
        "1.5s",
        "--syscall.names",
        "read,write",
        "--syscall.pids",
        "1,4194303",
      ],
      ...["--syscall.comms", "nginx,a b", "--no-capabilities.drop", "--strict"],
      ...["--tcp.connections-limit", "1", "--syscall.counts-limit", "2", "--syscall.threads-limit", "3"],
      ...["--file.counts-limit=4", "--tcp.counts-limit=5"],
      ...["--kubernetes.enabled", "on", "--kubernetes.node-name", "node-1.example", "--peer.labels", "peer_service"],
      ...["--kubernetes.pod-labels", "version,app.kubernetes.io/name", "--kubernetes.api-url", "https://[::1]:6443/k"],
      ...["--kubernetes.token-file", "/proc/self/maps", "--kubernetes.ca-file", "/proc/self/stat"],
    ]);
    assert.deepEqual(options, {
      signals: ["file", "tcp"],
      signalsPath: [],
      strict: true,
      labels: ["comm", "namespace"],
      pidSeries: "living",
      cgroupHierarchy: "pids",
      listenAddresses: [":80", "[::1]:81", "localhost:82"],
      systemdSocket: true,
      allowedHosts: ["node1.example", "*"],
      telemetryPath: "/m/x",
      webConfig: undefined,
      seriesLimit: 7,
      scrapeInterval: 120_000,
      seriesRetention: 604_800_000,
      totalSeriesLimit: 5000,
      bodyLimit: 2_097_152,
      identityLimit: 9,
      logLevel: "warn",
      logFormat: "json",
      "syscall.mode": "stream",
      "syscall.timing": "all",
      "syscall.minDuration": 1_500_000_000,
      "syscall.errorsOnly": true,
      "syscall.names": ["read", "write"],
      "syscall.pids": [1, 4_194_303],
      "syscall.comms": ["nginx", "a b"],
      bpfStats: true,
      overheadLimit: 0.025,
      ringSize: 65_536,
      "tcp.connectionsLimit": 1,
      "tcp.countsLimit": 5,
      "syscall.countsLimit": 2,
      "syscall.threadsLimit": 3,
      "file.countsLimit": 4,
      dropCapabilities: false,
      kubernetes: "on",
      kubernetesNode: "node-1.example",
      kubernetesPodLabels: ["version", "app.kubernetes.io/name"],
      kubernetesUrl: "https://[::1]:6443/k",
      kubernetesTokenFile: "/proc/self/maps",
      kubernetesCaFile: "/proc/self/stat",
      peerLabels: ["peer_service"],
    });
  });

  test("a web configuration", (t) => {
    const { webConfig } = runOptions(["--web.config.file", configFile(t, "http_server_config: {http2: no}\n")]);
    const { tls, users } = webConfig?.current(assert.ifError) ?? {};
    assert.equal(tls, undefined);
    assert.equal(users?.size, 0);
  });

  test("a value given twice counts once", () => {
    assert.deepEqual(runOptions(["--signals", "tcp,file", "--signals", "tcp"]).signals, ["tcp", "file"]);
  });

  for (const [text, names] of [
    ["+sched", ["tcp", "syscall", "sched"]],
    ["default,+sched", ["tcp", "syscall", "sched"]],
    ["sched,default", ["sched", "tcp", "syscall"]],
    ["default", ["tcp", "syscall"]],
    ["+tcp,+sched", ["tcp", "syscall", "sched"]],
  ] as const) {
    test(`signals beside the default ones: ${text}`, () => {
      assert.deepEqual(runOptions(["--signals", text], {}, [tcp, syscall, sched]).signals, names);
    });
  }

  for (const [text, nanoseconds] of [
    ["250ns", 250],
    ["100us", 100_000],
    ["100µs", 100_000],
    ["10ms", 10_000_000],
    ["0.3us", 300],
    ["0ns", 0],
    ["60m", 3_600e9],
  ] as const) {
    test(`duration ${text}`, () => {
      const options = runOptions(["--syscall.mode", "stream", "--syscall.min-duration", text]);
      assert.equal(options["syscall.minDuration"], nanoseconds);
    });
  }

  for (const [text, bytes] of [
    ["65536", 65_536],
    ["128KiB", 131_072],
    ["1GiB", 1_073_741_824],
  ] as const) {
    test(`size ${text}`, () => {
      assert.equal(runOptions(["--ring.size", text]).ringSize, bytes);
    });
  }

  test("metrics in the place of the page", () => {
    assert.equal(runOptions(["--web.telemetry-path", "/"]).telemetryPath, "/");
  });
});

describe("precedence", () => {
  const environment = { RINGTAP_SERIES_LIMIT: "20", RINGTAP_LOG_LEVEL: "warn" };

  test("command line before environment before file before default", (t) => {
    const path = configFile(t, "series-limit: 10\nlog: {level: error, format: json}\n");
    const options = runOptions(["--config.file", path, "--series-limit", "30"], environment);
    assert.equal(options.seriesLimit, 30);
    assert.equal(options.logLevel, "warn");
    assert.equal(options.logFormat, "json");
    assert.equal(options.telemetryPath, "/metrics");
  });

  test("a list is replaced, not added to", (t) => {
    const path = configFile(t, "signals: [tcp, file]\n");
    assert.deepEqual(runOptions(["--config.file", path, "--signals", "process"]).signals, ["process"]);
  });

  test("--no-… turns off what a lower source turns on", (t) => {
    const path = configFile(t, "bpf.stats: true\n");
    assert.equal(runOptions(["--config.file", path]).bpfStats, true);
    assert.equal(runOptions(["--config.file", path, "--no-bpf.stats"]).bpfStats, false);
  });

  test("a bad value that a higher source replaces does no harm", () => {
    assert.equal(runOptions(["--series-limit", "5"], { RINGTAP_SERIES_LIMIT: "many" }).seriesLimit, 5);
  });
});

describe("refusals", () => {
  const ascending = (count: number): string => Array.from({ length: count }, (_, index) => index + 1).join();
  const wantAddress =
    "expected HOST:PORT, [IPV6]:PORT or :PORT, the port from 0 to 65535, or unix:PATH of at most 107 bytes";
  const wantDuration = "expected a number with a unit (ns, us, ms, s, m), at most 60m";
  const wantPath = "expected a path such as /metrics, of letters, digits and . _ ~ -";
  const wantComm = "expected a process name of 1 to 15 bytes, as /proc/<pid>/comm shows it";
  const wantSize = "expected a power of two from 64KiB to 1GiB";
  const wantLabel = "expected one of pid, comm, cgroup, unit, container_id, container, pod, namespace, workload";
  const wantSignal =
    "expected one of tcp, syscall, file, process, the name of an installed npm package, or a signal of a folder that --signals.path names";
  const wantPodLabel = "expected the name of a pod label, such as app.kubernetes.io/name";
  const wantApiUrl = "expected https://HOST:PORT, a path after it if need be";
  const streamOnly = "filters the records of stream mode: add --syscall.mode stream";

  for (const [flag, value, problem] of [
    ["--signals", "tcp,sycall", `"sycall": ${wantSignal} (did you mean "syscall"?)`],
    ["--signals", "dns", `"dns": ${wantSignal}`],
    ["--signals", "", `"": ${wantSignal}`],
    ["--signals", "tcp,", `"": ${wantSignal}`],
    ["--signals", 'a"\n\u001b[2J', String.raw`"a\"\n\u001b[2J": ${wantSignal}`],
    ["--labels", "uid", `"uid": ${wantLabel} (did you mean "pid"?)`],
    ["--cgroup.hierarchy", "v2", '"v2": expected one of auto, unified, pids, memory'],
    ["--web.listen-address", "9435", `"9435": ${wantAddress}`],
    ["--web.listen-address", "host:65536", `"host:65536": ${wantAddress}`],
    ["--web.listen-address", "::1:80", `"::1:80": ${wantAddress}`],
    ["--web.allowed-hosts", "a:80", '"a:80": expected a host name without a port, such as node1.example, or *'],
    ["--web.telemetry-path", "metrics", `"metrics": ${wantPath}`],
    ["--web.telemetry-path", "/a/../b", `"/a/../b": ${wantPath}`],
    ["--web.telemetry-path", "/a?b", `"/a?b": ${wantPath}`],
    ["--web.telemetry-path", "/healthz", '"/healthz": taken: the server has /healthz and /readyz for itself'],
    ["--web.config.file", "/nowhere/web.yml", '"/nowhere/web.yml": no such file or directory'],
    ["--series-limit", "0", '"0": expected a whole number from 1 to 10000000'],
    ["--body-limit", "10", '"10": expected a size from 1MiB to 1GiB, such as 10MB'],
    ["--pid-series", "alive", '"alive": expected one of all, living'],
    ["--scrape-interval", "0s", '"0s": expected a number with a unit (s, m, h, d), from 1s to 366d'],
    ["--series-retention", "7", '"7": expected a number with a unit (s, m, h, d), from 1s to 366d'],
    ["--series-retention", "0.5s", '"0.5s": expected a number with a unit (s, m, h, d), from 1s to 366d'],
    ["--series-limit", "1e3", '"1e3": expected a whole number from 1 to 10000000'],
    ["--log.level", "loud", '"loud": expected one of debug, info, warn, error'],
    ["--log.format", "xml", '"xml": expected one of logfmt, json'],
    ["--syscall.mode", "steam", '"steam": expected one of aggregate, stream (did you mean "stream"?)'],
    ["--syscall.min-duration", "10", `"10": ${wantDuration}`],
    ["--syscall.min-duration", "2h", `"2h": ${wantDuration}`],
    ["--syscall.min-duration", "61m", `"61m": ${wantDuration}`],
    [
      "--syscall.names",
      "read write",
      '"read write": expected the name of a system call on this machine, such as openat or compat_openat',
    ],
    ["--syscall.pids", "0", '"0": expected a whole number from 1 to 4194303'],
    ["--syscall.pids", "1,4194304", '"4194304": expected a whole number from 1 to 4194303'],
    ["--syscall.pids", ascending(1025), "has 1025 values: expected at most 1024"],
    ["--syscall.comms", ascending(1025), "has 1025 values: expected at most 1024"],
    ["--syscall.comms", "sixteen-bytes-öh", `"sixteen-bytes-öh": ${wantComm}`],
    ["--syscall.comms", "", `"": ${wantComm}`],
    ...["2", "0%", "-1%", "2 %", "%", "1e1%", "0.001%", "20000%", "Infinity%", ""].map(
      (limit): [string, string, string] => [
        "--overhead.limit",
        limit,
        `${JSON.stringify(limit)}: expected a percentage of one core from 0.01% to 10000%, such as 2%`,
      ],
    ),
    ["--ring.size", "3MiB", `"3MiB": ${wantSize}`],
    ["--ring.size", "32KiB", `"32KiB": ${wantSize}`],
    ["--ring.size", "4M", `"4M": ${wantSize}`],
    ["--kubernetes.enabled", "yes", '"yes": expected one of auto, on, off'],
    ["--kubernetes.node-name", "Node_1", '"Node_1": expected the name of a node, as `kubectl get nodes` shows it'],
    ["--kubernetes.pod-labels", "a,/b", `"/b": ${wantPodLabel}`],
    ["--kubernetes.pod-labels", "-a", `"-a": ${wantPodLabel}`],
    ["--kubernetes.pod-labels", "a/b/c", `"a/b/c": ${wantPodLabel}`],
    ["--kubernetes.pod-labels", "a.b,a-b", '"a-b": its label label_a_b is that of another one, too'],
    ["--kubernetes.api-url", "http://api", `"http://api": ${wantApiUrl}`],
    ["--kubernetes.api-url", "https://u:p@api", `"https://u:p@api": ${wantApiUrl}`],
    ["--kubernetes.token-file", "/nowhere/token", '"/nowhere/token": no such file or directory'],
    ["--kubernetes.ca-file", "/nowhere/ca", '"/nowhere/ca": no such file or directory'],
    ["--peer.labels", "peer_pod", '"peer_pod": expected one of peer_service, peer_namespace'],
    ["--syscall.min-duration", "1ms", streamOnly],
    ["--syscall.names", "read", streamOnly],
    ["--syscall.pids", "1", streamOnly],
    ["--syscall.comms", "nginx", streamOnly],
  ] as const) {
    test(`${flag} ${JSON.stringify(value)}`, () => {
      assert.throws(() => runOptions([flag, value]), { name: "UsageError", message: `${flag} ${problem}` });
    });
  }

  test("a web configuration that is not valid, named by the configuration", (t) => {
    const web = configFile(t, "basic_auth_users:\n  alice: secret\n");
    const path = configFile(t, `series-limit: 7\nweb.config.file: ${web}\n`);
    const problem = "line 2: basic_auth_users.alice: expected a bcrypt hash, such as `htpasswd -nB USER` prints";
    const message = `--web.config.file "${web}": ${problem} (from ${path}:2)`;
    assert.throws(() => runOptions(["--config.file", path]), { name: "UsageError", message });
  });

  test("--syscall.errors-only without stream mode", () => {
    assert.throws(() => runOptions(["--syscall.errors-only"]), { message: `--syscall.errors-only ${streamOnly}` });
    assert.equal(runOptions(["--no-syscall.errors-only"])["syscall.errorsOnly"], false);
  });

  test("a filter of the file without stream mode", (t) => {
    const path = configFile(t, "syscall:\n  pids: [1]\n");
    const message = `--syscall.pids ${streamOnly} (from ${path}:2)`;
    assert.throws(() => runOptions(["--config.file", path]), { name: "UsageError", message });
  });

  test("an unknown flag, with commander's suggestion", () => {
    const message = "error: unknown option '--sinals'\n(Did you mean --signals?)";
    assert.throws(() => runOptions(["--sinals", "tcp"]), { code: "commander.unknownOption", message });
  });

  test("an argument", () => {
    assert.throws(() => runOptions(["tcp"]), { code: "commander.excessArguments" });
  });
});

test("the help shows every flag with its default", () => {
  const command = throwErrors(new Command("run"));
  addRunFlags(command, new KnownSignals([tcp, syscall]));
  const help = command.helpInformation().replace(/\s+/g, " ");
  assert.match(help, /--signals <name,...> signals to run; \+NAME is one beside the default \(default: tcp,syscall\)/);
  assert.match(help, /--syscall\.pids <pid,...> stream only calls of these processes --/);
  assert.match(help, /--bpf\.stats measure the run time/);
  assert.doesNotMatch(help, /--no-/);
});
