/** What the signal knows of a protocol: how its requests are named and labelled. */
export interface Protocol {
  /** As the label `protocol` has it. */
  readonly name: string;
  /** Histograms of durations, by role; OpenTelemetry's names in Prometheus form. Absent where there are no requests. */
  readonly metrics?: Readonly<Record<"client" | "server", { readonly name: string; readonly help: string }>>;
  readonly labels: readonly string[];
  /** The word for an operation's number. */
  operation(operation: number): string;
  /** The values of {@link labels}; the status is 0 where there was no response, the error an empty text where it is whole. */
  values(operation: number, status: number, error: string): readonly string[];
}
