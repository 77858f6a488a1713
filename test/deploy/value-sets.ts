/** Values that between them reach every branch of the chart's templates. */
import type { Values } from "./chart.js";

const monitoring = { labels: { release: "prometheus" }, interval: "30s", scrapeTimeout: "10s" };

export const valueSets: Readonly<Record<string, Values>> = {
  "the chart's own": {},
  "everything in it": {
    image: { repository: "registry.example/ringtap", tag: "1.2.3-rc.1", pullPolicy: "Always" },
    imagePullSecrets: [{ name: "registry" }],
    nameOverride: "tap",
    fullnameOverride: "node-agent",
    namespaceOverride: "observability",
    commonLabels: { "example.com/team": "platform" },
    config: {
      signals: ["tcp", "file"],
      labels: ["comm", "workload"],
      "series-limit": 100_000,
      web: { "telemetry-path": "/ringtap/metrics" },
      log: { level: "warn", format: "json" },
    },
    web: { port: 9000, configSecret: "ringtap-web", tls: true },
    serviceAccount: { annotations: { "example.com/role": "agent" } },
    resources: { limits: { memory: "1Gi" } },
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: "kubernetes.io/arch", operator: "In", values: ["amd64"] }] }],
        },
      },
    },
    priorityClassName: "system-node-critical",
    podAnnotations: { "example.com/owner": "observability" },
    podLabels: { tier: "node" },
    revisionHistoryLimit: 3,
    podSecurityContext: { fsGroup: 0, sysctls: [{ name: "net.ipv4.ip_local_port_range", value: "1024 65535" }] },
    dnsPolicy: "Default",
    extraEnv: [{ name: "RINGTAP_SERIES_LIMIT", value: "100000" }],
    extraVolumes: [{ name: "scratch", emptyDir: {} }],
    extraVolumeMounts: [{ name: "scratch", mountPath: "/scratch" }],
    probes: { type: "tcp" },
    networkPolicy: {
      enabled: true,
      from: [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "monitoring" } } }],
    },
    monitor: { enabled: true, ...monitoring, endpoint: { tlsConfig: { insecureSkipVerify: true } } },
    prometheusRule: { enabled: true, labels: { release: "prometheus" } },
    dashboard: { enabled: true, annotations: { grafana_folder: "Nodes" } },
    namespace: { create: true },
  },
  "a ServiceMonitor": { monitor: { enabled: true, kind: "ServiceMonitor", ...monitoring } },
  "names of peers": {
    config: { kubernetes: { "pod-labels": ["app", "team"] }, peer: { labels: ["peer_service", "peer_namespace"] } },
  },
  "nothing of the API server": {
    config: { labels: ["pid", "comm"] },
    networkPolicy: { enabled: true, from: [{ podSelector: {} }] },
  },
  "an API server that is not to be asked": {
    config: { kubernetes: { enabled: "off", "pod-labels": ["app"] }, peer: { labels: ["peer_service"] } },
    networkPolicy: { enabled: true, from: [{ podSelector: {} }] },
  },
  "more capabilities": {
    securityContext: {
      capabilities: ["BPF", "PERFMON", "SYS_RESOURCE", "SYS_ADMIN"],
      seccompProfile: { type: "Unconfined" },
      seLinuxOptions: { type: "spc_t" },
    },
    config: { bpf: { stats: true } },
  },
  privileged: { securityContext: { privileged: true } },
  "an account of somebody else's": {
    serviceAccount: { create: false, name: "agents" },
    rbac: { create: false },
    image: { digest: `sha256:${"0123456789abcdef".repeat(4)}` },
  },
  "system calls as a stream": {
    config: {
      syscall: {
        mode: "stream",
        "min-duration": "10ms",
        "errors-only": true,
        names: ["openat", "connect"],
        pids: [1],
        comms: ["nginx"],
      },
      ring: { size: "8MiB" },
      capabilities: { drop: false },
      "identity-limit": 1000,
    },
  },
};
