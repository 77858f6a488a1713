/** The kinds of objects that tests look into, as far as they do. */

interface Metadata {
  readonly name: string;
  readonly namespace?: string;
}

export interface Container {
  readonly args: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string; readonly valueFrom?: unknown }[];
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly resources: { readonly limits: { readonly memory: string } };
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly livenessProbe: Readonly<Record<string, unknown>>;
  readonly readinessProbe: Readonly<Record<string, unknown>>;
  readonly startupProbe: Readonly<Record<string, unknown>>;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[];
}

export interface Pod {
  readonly automountServiceAccountToken: boolean;
  readonly hostPID?: boolean;
  readonly hostNetwork?: boolean;
  readonly hostIPC?: boolean;
  readonly containers: readonly [Container];
  readonly volumes: readonly Readonly<Record<string, unknown>>[];
}

interface Labelled {
  readonly metadata: { readonly labels: Readonly<Record<string, string>> };
}

interface Relabelling {
  readonly sourceLabels?: readonly string[];
  readonly targetLabel?: string;
  readonly regex?: string;
  readonly action?: string;
}

interface Endpoint {
  readonly port: string;
  readonly path: string;
  readonly scheme: string;
  readonly tlsConfig?: unknown;
  readonly relabelings: readonly Relabelling[];
}

interface Monitor {
  readonly spec: {
    readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly podMetricsEndpoints?: readonly Endpoint[];
    readonly endpoints?: readonly Endpoint[];
  };
}

interface PolicyRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

/** An alert, or what is recorded under a name. */
export interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** The content of a rule file, and the `spec` of a PrometheusRule. */
export interface Groups {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[];
}

export interface Kinds {
  readonly ClusterRole: { readonly metadata: Metadata; readonly rules: readonly PolicyRule[] };
  readonly ClusterRoleBinding: { readonly subjects: unknown; readonly roleRef: { readonly name: string } };
  readonly ConfigMap: { readonly metadata: Metadata; readonly data: Readonly<Record<string, string>> };
  readonly DaemonSet: { readonly spec: { readonly template: Labelled & { readonly spec: Pod } } };
  readonly NetworkPolicy: { readonly spec: { readonly egress: readonly unknown[] } };
  readonly PodMonitor: Monitor;
  readonly PrometheusRule: { readonly spec: Groups };
  readonly Service: Labelled;
  readonly ServiceMonitor: Monitor;
  readonly ServiceAccount: { readonly metadata: Metadata };
}
