/** A metric for each role. */
export interface MetricByRole {
  readonly client: { readonly name: string; readonly help: string };
  readonly server: { readonly name: string; readonly help: string };
}

/** Labels whose values are parts of a text that a request's record tells, by role. */
export interface Told {
  readonly by: "routes" | "names";
  readonly client: readonly string[];
  readonly server: readonly string[];
  /** The values, of a text as metrics show it; `~unknown` and `~other` among them. Default: the text. */
  readonly split?: (text: string) => readonly string[];
}

/** A histogram of durations for each role, and the labels of its series. */
export interface RequestMetrics extends MetricByRole {
  /** Gauges of requests that are under way, where these are known; `label` is the one that has the protocol's name. */
  readonly active?: MetricByRole & { readonly label?: string };
  /** Histograms of the sizes of bodies, of requests and of responses, where these are known. */
  readonly sizes?: readonly [request: MetricByRole, response: MetricByRole];
  readonly labels: readonly string[];
  /** The labels that only a request's record tells, and what tells them: the last ones. */
  readonly told?: Told;
}

/** What the signal knows of a protocol: how its requests are named and labelled. */
export interface Protocol {
  /** As the label `protocol` has it. */
  readonly name: string;
  /** OpenTelemetry's names in Prometheus form; protocols of a kind share one object. Absent where there are no requests. */
  readonly metrics?: RequestMetrics;
  /** The status from which on a response tells of a failure; `failing_status` of bpf/l7/connection.h has the same. */
  readonly failingStatus: number;
  /** Words of the protocol, as the program has them: `const volatile` variables by name. */
  readonly constants?: Readonly<Record<string, Uint8Array>>;
  /** A failure's code, undefined of what is none; absent where a status is a number by itself. */
  readonly code?: (status: number) => string | undefined;
  /** The word for an operation's number. */
  readonly operation: (operation: number) => string;
  /**
   * The values of the labels; the status is 0 where there was no response, the error an empty text where it is whole. The label
   * `error_type` is empty for what has not failed, and only for that.
   */
  readonly values: (operation: number, status: number, error: string, role: "client" | "server") => readonly string[];
}
