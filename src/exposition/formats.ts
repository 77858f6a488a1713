/** The formats that `/metrics` comes in, and their names in HTTP. */

/** `text` is Prometheus's text format, 0.0.4 and 1.0.0: ringtap's names need no quotes, so that both are the same. */
export type Format = "text" | "openmetrics" | "protobuf";

/** A media type that can be asked for. */
export interface Offer {
  readonly format: Format;
  readonly type: string;
  /** What distinguishes it from others of the same type. */
  readonly parameters: ReadonlyMap<string, string>;
  /** What `Content-Type` says. */
  readonly contentType: string;
  /** Does `Content-Type` say how names are escaped? */
  readonly escapes: boolean;
}

/** The preferred one first, for clients that accept several: what a person and every scraper can read. */
export const offers: readonly Offer[] = [
  {
    format: "text",
    type: "text/plain",
    parameters: new Map([["version", "0.0.4"]]),
    contentType: "text/plain; version=0.0.4; charset=utf-8",
    escapes: false,
  },
  {
    format: "text",
    type: "text/plain",
    parameters: new Map([["version", "1.0.0"]]),
    contentType: "text/plain; version=1.0.0; charset=utf-8",
    escapes: true,
  },
  {
    format: "openmetrics",
    type: "application/openmetrics-text",
    parameters: new Map([["version", "1.0.0"]]),
    contentType: "application/openmetrics-text; version=1.0.0; charset=utf-8",
    escapes: true,
  },
  {
    // What older Prometheus 2 asks for. To ringtap it is 1.0.0 by another name, as to client_golang (expfmt).
    format: "openmetrics",
    type: "application/openmetrics-text",
    parameters: new Map([["version", "0.0.1"]]),
    contentType: "application/openmetrics-text; version=0.0.1; charset=utf-8",
    escapes: false,
  },
  {
    format: "protobuf",
    type: "application/vnd.google.protobuf",
    parameters: new Map([
      ["proto", "io.prometheus.client.MetricFamily"],
      ["encoding", "delimited"],
    ]),
    contentType: "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
    escapes: false,
  },
];

/** For a client that accepts none of them. */
export const fallbackOffer = offers[0] as Offer;
