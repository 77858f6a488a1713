/** Every panel and every rule finds what it is about, in a Prometheus that has scraped a real agent while all of that happened. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, rmdirSync } from "node:fs";
import { before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { parse } from "yaml";

import { dashboards, labelValues, panelQueries, substituted } from "../../deploy/dashboards.js";
import { rules, rulesPath } from "../../deploy/play-rules.js";
import { readDocument } from "../../docs/documents.js";
import { askApi, query, startConfiguredPrometheus } from "../../exposition/prometheus-server.js";
import { startFakeApiServer } from "../../kubernetes/support/fake-api-server.js";
import { startAgent } from "../support/agent.js";
import { hierarchy, podPath } from "../support/cgroups.js";
import { cpuWaits } from "../support/cpu-numbers.js";
import { groupOfCpu, groupOfMemory } from "../support/limited-groups.js";
import { smallDisk } from "../support/loop-device.js";
import { networkNamespace } from "../support/network.js";
import { compileProgram, programSource, scratch } from "../support/program.js";
import { type Scope, suiteScope } from "../support/scope.js";

const source = programSource("every-outcome");
const comm = "rt-dashboards";

/** Milliseconds until Prometheus has started and scraped, and all has happened at least twice. */
const timeoutMs = 60_000;

/** deploy/prometheus/prometheus.yaml for an agent at `target`, with everything done each second, as far as a busy machine gets to it. */
function configuration(target: string, relabelling: readonly object[]): Record<string, unknown> {
  const file = parse(readDocument("deploy/prometheus/prometheus.yaml")) as {
    global: object;
    scrape_configs: readonly object[];
  };
  return {
    global: { ...file.global, scrape_interval: "3s", scrape_timeout: "3s", evaluation_interval: "1s" },
    rule_files: [new URL(`../../../../${rulesPath}`, import.meta.url).pathname],
    scrape_configs: file.scrape_configs.map((job) => ({
      ...job,
      static_configs: [{ targets: [target] }],
      metric_relabel_configs: relabelling,
    })),
  };
}

/** Runs a command of the shell until the scope ends. */
function startLoop(scope: Scope, command: string): void {
  const shell = spawn("sh", ["-c", command], { stdio: "ignore", detached: true });
  scope.after(async () => {
    process.kill(-(shell.pid ?? 0), "SIGKILL");
    await once(shell, "exit");
  });
}

/** Has a disk do and fail, and sockets carry and drop, each second, as long as this process lives. */
function useDevices(scope: Scope): void {
  const { path } = smallDisk(scope);
  const network = networkNamespace(scope);
  const compile = (name: string, source: string): string => compileProgram(name, programSource(source));
  const disk = compile("rt-disk", "block-io");
  const sockets = [...network.prefix, compile("rt-sockets", "datagrams"), "4"].join(" ");
  const steps = "write 10\\nfull 300\\nconnect 3\\n";
  for (const command of [
    `while kill -0 ${process.pid}; do ${disk} ${path} 20 400 1 0 0 </dev/null; sleep 1; done`,
    `(echo listen 1; while kill -0 ${process.pid}; do printf '${steps}' || exit; sleep 1; done) | ${sockets}`,
  ]) {
    startLoop(scope, command);
  }
}

/** Has groups use up their CPU time and their memory, each second, as long as this process lives. */
function useLimits(scope: Scope): void {
  const id = "d".repeat(64);
  const path = podPath(id);
  const { folder } = groupOfCpu(scope, path);
  const files = groupOfMemory(scope, id, 16);
  const kills = groupOfMemory(scope, id, 8);
  const hog = compileProgram("rt-hog-starter", programSource("memory-hog"));
  const burn = `sh -c 'echo 0 >${folder}/cgroup.procs; exec timeout --foreground -s KILL 2 ${cpuWaits()} burn 300'`;
  const steps = [
    `${hog} kills 1 64 ${kills.folder}/cgroup.procs`,
    `${hog} writes 64 ${scratch("many-pages")} ${files.folder}/cgroup.procs`,
    burn,
  ];
  startLoop(scope, `while kill -0 ${process.pid}; do ${steps.map((step) => `${step} </dev/null; `).join("")} done`);
}

/** Has a process of the program's name make requests, slow and failing ones among them, as long as this one lives. */
function makeRequests(scope: Scope): void {
  const script = new URL("../programs/requests.js", import.meta.url).pathname;
  const child = spawn(process.execPath, [script, comm], { stdio: ["pipe", "ignore", "inherit"] });
  scope.after(async () => {
    child.kill("SIGKILL");
    await once(child, "exit");
  });
}

/** Makes the program a pod's, for the metrics that know pods; histograms do not. */
const podLabels = ["namespace", "pod"].map((label) => ({
  source_labels: ["__name__", "comm"],
  regex: `(ringtap_tcp_connections|ringtap_(tcp|syscalls?|file)_(.*_)?total);${comm}`,
  target_label: label,
  replacement: `its-${label}`,
}));

/** Two Prometheuses of the same agent: which histograms they get, and what of the program's pod they know. */
const kinds = [
  { histograms: "classic", features: [], relabelling: [], pod: { namespace: ".*", pod: ".*" } },
  {
    histograms: "native",
    features: ["native-histograms"],
    relabelling: podLabels,
    pod: { namespace: "its-namespace", pod: "its-pod" },
  },
] as const;

describe("dashboards and rules", () => {
  const scope = suiteScope();
  let target: string;
  let prometheuses: readonly string[];

  before(async () => {
    const api = await startFakeApiServer(scope, {});
    const agent = await startAgent(scope, [
      "--signals=cgroup,process,tcp,syscall,file,block,drop,udp,sched,memory,l7",
      ...[
        "--labels=pid,comm,namespace,pod,container",
        "--bpf.stats",
        "--cgroup.hierarchy=unified",
        "--overhead.limit=100%",
      ],
      ...["--kubernetes.node-name=node-1", `--kubernetes.api-url=${api.url}`],
      ...[`--kubernetes.token-file=${api.tokenFile}`, `--kubernetes.ca-file=${api.caFile}`],
    ]);
    target = new URL(agent.origin).host;
    const group = `${hierarchy("cgroup2")}/ringtap-dashboards-${process.pid}`;
    const traffic = spawn(compileProgram(comm, source), [group], { stdio: "ignore" });
    scope.after(async () => {
      traffic.kill("SIGKILL");
      await once(traffic, "exit");
      if (existsSync(group)) {
        rmdirSync(group);
      }
    });
    useDevices(scope);
    useLimits(scope);
    makeRequests(scope);
    prometheuses = await Promise.all(
      kinds.map(({ relabelling, features }) =>
        startConfiguredPrometheus(scope, configuration(target, relabelling), features),
      ),
    );
  });

  kinds.forEach(({ histograms, pod }, index) => {
    describe(`with ${histograms} histograms`, () => {
      let prometheus: string;
      let values: Record<string, string>;

      before(() => {
        prometheus = prometheuses[index] ?? "";
        values = {
          ...{ job: "ringtap", instance: target.replaceAll(".", "\\\\."), comm, syscall: ".*", ...pod },
          ...{ __rate_interval: "1m", __range: "1m" },
        };
      });

      /** Waits until each query has another answer than NaN. */
      async function allAnswered(queries: readonly string[]): Promise<void> {
        const deadline = Date.now() + timeoutMs;
        let missing = queries;
        for (;;) {
          const answers = await Promise.all(missing.map((expression) => query(prometheus, expression).catch(() => [])));
          missing = missing.filter(
            (_, at) => answers[at]?.every(({ value, histogram }) => !histogram && value[1] === "NaN") ?? true,
          );
          if (missing.length === 0 || Date.now() > deadline) {
            assert.deepEqual(missing, []);
            return;
          }
          await sleep(500);
        }
      }

      for (const [name, dashboard] of dashboards) {
        it(`${name} has no panel that is empty, and no variable without values`, async () => {
          await allAnswered(panelQueries(dashboard).map(({ expr }) => substituted(expr, values)));
          for (const { name, selector, label } of labelValues(dashboard)) {
            const match = encodeURIComponent(substituted(selector, { ...values, comm: ".*" }));
            const found = (await askApi(prometheus, `label/${label}/values?match[]=${match}`)) as string[];
            const wanted = name === "instance" ? target : values[name];
            assert.ok(wanted === ".*" || found.includes(wanted ?? ""), `${name}: ${found.join()}`);
          }
        });
      }

      it("all rules are evaluated, and find what they are about", async () => {
        await allAnswered(rules.flatMap(({ record = [] }) => record));
        // Without their thresholds alerts answer as long as there is something to compare.
        await allAnswered(
          rules
            .filter(({ alert }) => alert !== undefined)
            .map(({ expr }) => expr.replaceAll(/ ([=<>]+) (?=[\d.])/g, " $1 bool ").replace("absent(", "count(")),
        );
        const { groups } = (await askApi(prometheus, "rules")) as {
          groups: readonly { rules: readonly { name: string; health: string }[] }[];
        };
        const evaluated = groups.flatMap((group) => group.rules);
        assert.equal(evaluated.length, rules.length);
        assert.deepEqual(
          evaluated.filter(({ health }) => health !== "ok"),
          [],
        );
      });

      it("what is recorded of the program's connects is what it does", async () => {
        // 32 of 62 connects come about, one of these after a second; windows hold parts of the program's cycles.
        for (const [record, low, high] of [
          ["instance_comm:ringtap_tcp_connect_failures:ratio_rate5m", 0.45, 0.52],
          ["comm:ringtap_tcp_connects_late:ratio_rate5m", 0.015, 0.06],
        ] as const) {
          await allAnswered([`${record}{comm="${comm}"} > ${low} < ${high}`]);
        }
      });
    });
  });
});
