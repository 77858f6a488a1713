/** Links: who talks to whom. */

/** The two ends of a link: see {@link Link}. */
export interface LinkEnds {
  readonly pid: number;
  readonly role: "client" | "server";
  readonly address: string;
  readonly port: number;
  readonly local: string;
  readonly remote: string;
}

/** What a link has carried since the watch began. */
export interface LinkTotals {
  /** Connections made, at either end. */
  connects: number;
  /** Attempts that failed. */
  failures: number;
  sent_bytes: number;
  received_bytes: number;
  /** Connections open at the last collect. */
  open: number;
}

/** What a link has carried of a protocol of requests since the watch began. */
export interface LinkRequests {
  readonly protocol: string;
  /** Requests that have ended, those that failed among them. */
  readonly requests: number;
  readonly failures: number;
  /** What 99 % of them took at most, seconds. */
  readonly p99: number;
}

/**
 * A process, a direction and a far end. `role` is the process's: a client has connected, a server has accepted. `address` and `port`
 * are where the service listens: at the far end for a client, at this one for a server. `local` and `remote` are the addresses of
 * this end and of the far one.
 */
export interface Link extends LinkEnds, Readonly<LinkTotals> {
  /** Among the links of a watch; given to another one when this one has expired. */
  readonly id: number;
  /** The process at this end, as a snapshot calls it; absent when it has expired. */
  readonly process: number | undefined;
  readonly comm: string;
  /** Those of the process when the link was first seen. */
  readonly labels: Readonly<Record<string, string>>;
  /** What labels of peers say of the far end; empty without a directory of peers. */
  readonly peer: Readonly<Record<string, string>>;
  /** By protocol; absent from signals that know of no requests. */
  readonly requests?: readonly LinkRequests[];
}

/** An observation of links, until it is closed. */
export interface LinkWatch {
  /** The links as they stand after the last collect. */
  links(): Link[];
  close(): void;
}
