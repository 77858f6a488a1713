/** The chart's values: documented, and refused where they are not valid. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { codeRows, readDocument, section } from "../docs/documents.js";
import { chartFile, defaultValues, template } from "./chart.js";
import { flagNames } from "./flag-names.js";

/** A JSON schema, as far as the chart's uses it. */
interface Schema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
}

const schema = JSON.parse(chartFile("values.schema.json")) as Schema;

/** The paths of the values that have no values of their own with a fixed name, dotted. */
function leaves({ properties }: Schema, prefix = ""): readonly string[] {
  return Object.entries(properties ?? {}).flatMap(([name, value]) =>
    value.properties === undefined ? [`${prefix}${name}`] : leaves(value, `${prefix}${name}.`),
  );
}

function at(values: unknown, path: string): unknown {
  return path.split(".").reduce<unknown>((value, key) => (value as Readonly<Record<string, unknown>>)[key], values);
}

const isSetting = (path: string): boolean => path.startsWith("config.");

describe("values.yaml", () => {
  it("has all values but the settings of the agent, which have defaults of their own", () => {
    const paths = leaves(schema).filter((path) => !isSetting(path) && path !== "global");
    const missing = paths.filter((path) => at(defaultValues(), path) === undefined);
    assert.deepEqual(missing, []);
  });

  it("is the table of docs/kubernetes-deploy.md, with its defaults", () => {
    const rows = codeRows(section(readDocument("docs/kubernetes-deploy.md"), "## Values"));
    const written = rows.map(([path = "", value = ""]) => ({ path, value }));
    const values = leaves(schema)
      .filter((path) => !isSetting(path) && path !== "global")
      .map((path) => {
        const value = at(defaultValues(), path);
        return { path, value: value === "" ? "" : typeof value === "string" ? value : JSON.stringify(value) };
      });
    const config = { path: "config", value: JSON.stringify(defaultValues().config) };
    assert.deepEqual(written, [...values.slice(0, 9), config, ...values.slice(9)]);
  });
});

describe("config", () => {
  it("takes every flag of run but those that follow from other values", () => {
    const settings = leaves(schema)
      .filter(isSetting)
      .map((path) => path.slice("config.".length));
    const own = ["config.file", "web.listen-address", "web.config.file", "kubernetes.node-name"];
    // A pod listens on its own address.
    own.push("web.systemd-socket", "web.allowed-hosts");
    // For agents outside of a cluster.
    own.push("kubernetes.api-url", "kubernetes.token-file", "kubernetes.ca-file");
    const missing = flagNames().filter((flag) => !settings.includes(flag) && !own.includes(flag));
    assert.deepEqual(missing, [], "flags that values.schema.json has no key for");
  });
});

describe("a version", () => {
  it("is that of package.json", () => {
    const { version } = JSON.parse(readDocument("package.json")) as { version: string };
    const versions = Array.from(
      chartFile("Chart.yaml").matchAll(/^(?:appVersion|version): (\S+)$/gm),
      ([, text]) => text,
    );
    assert.deepEqual(versions, [version, version]);
  });
});

describe("refusals", () => {
  for (const [values, problem] of [
    [{ imgae: {} }, "at '': additional properties 'imgae' not allowed"],
    [{ config: { lables: ["comm"] } }, "at '/config': additional properties 'lables' not allowed"],
    [{ config: { labels: ["cmd"] } }, "at '/config/labels/0': value must be one of 'pid', 'comm', 'cgroup',"],
    [{ config: { labels: [] } }, "at '/config/labels': minItems: got 0, want 1"],
    [{ config: { signals: ["tpc"] } }, "at '/config/signals/0': value must be one of 'cgroup', 'process',"],
    [{ config: { "series-limit": "many" } }, "at '/config/series-limit': got string, want integer"],
    [{ config: { web: { "listen-address": ":80" } } }, "at '/config/web': additional properties 'listen-address' not"],
    [{ config: { log: { level: "loud" } } }, "at '/config/log/level': value must be one of 'debug', 'info',"],
    [{ config: { ring: { size: "big" } } }, "at '/config/ring/size': 'big' does not match pattern"],
    [{ web: { port: 65_536 } }, "at '/web/port': maximum: got 65,536, want 65,535"],
    [{ image: { digest: "sha256:abc" } }, "at '/image/digest': 'sha256:abc' does not match pattern"],
    [{ image: { repository: "" } }, "at '/image/repository': minLength: got 0, want 1"],
    [
      { securityContext: { capabilities: ["CAP_BPF"] } },
      "at '/securityContext/capabilities/0': value must be one of 'BPF',",
    ],
    [{ securityContext: { privileged: "yes" } }, "at '/securityContext/privileged': got string, want boolean"],
    [{ networkPolicy: { enabled: true } }, "at '/networkPolicy/from': minItems: got 0, want 1"],
    [{ monitor: { kind: "podmonitor" } }, "at '/monitor/kind': value must be one of 'PodMonitor', 'ServiceMonitor'"],
    [{ monitor: { interval: "often" } }, "at '/monitor/interval': 'often' does not match pattern"],
    [{ probes: { type: "exec" } }, "at '/probes/type': value must be one of 'http', 'tcp'"],
    [{ nodeSelector: { zone: 1 } }, "at '/nodeSelector/zone': got number, want string"],
    [{ config: null }, "at '': missing property 'config'"],
    [{ config: { kubernetes: { "pod-labels": ["a b"] } } }, "at '/config/kubernetes/pod-labels/0': 'a b' does not"],
    [{ image: { repository: "ringtap:1.0" } }, "at '/image/repository': 'ringtap:1.0' does not match pattern"],
    [{ dnsPolicy: "clusterfirst" }, "at '/dnsPolicy': value must be one of '', 'ClusterFirst',"],
    [{ extraEnv: [{ value: "x" }] }, "at '/extraEnv/0': missing property 'name'"],
    [{ extraVolumeMounts: [{ name: "x" }] }, "at '/extraVolumeMounts/0': missing property 'mountPath'"],
    [{ commonLabels: { "app.kubernetes.io/name": "x" } }, "at '/commonLabels': "],
    [{ podLabels: { "a b": "x" } }, "at '/podLabels': "],
    [{ podLabels: { "app.kubernetes.io/name": "x" } }, "at '/podLabels': "],
    [{ podLabels: { tier: "a b" } }, "at '/podLabels': "],
    [{ monitor: { labels: { release: "-" } } }, "at '/monitor/labels/release': '-' does not match pattern"],
    [{ priorityClassName: "A_b" }, "at '/priorityClassName': 'A_b' does not match pattern"],
    [{ resources: { limits: { memory: "lots" } } }, "at '/resources/limits/memory': 'lots' does not match pattern"],
    [{ securityContext: { seccompProfile: { type: "runtime" } } }, "at '/securityContext/seccompProfile/type': value"],
    [{ securityContext: { seLinuxOptions: { typ: "spc_t" } } }, "at '/securityContext/seLinuxOptions': additional"],
    [{ tolerations: [{ operator: "Exist" }] }, "at '/tolerations/0/operator': value must be one of 'Exists', 'Equal',"],
    [{ updateStrategy: { type: "Recreate" } }, "at '/updateStrategy/type': value must be one of 'RollingUpdate',"],
    [{ web: { tls: true } }, "at '/web/configSecret': minLength: got 0, want 1"],
  ] as const) {
    it(JSON.stringify(values), () => {
      const { status, stdout, stderr } = template(values);
      assert.equal(status, 1);
      assert.equal(stdout, "");
      assert(stderr.includes(`ringtap:\n- ${problem}`), stderr);
    });
  }
});
