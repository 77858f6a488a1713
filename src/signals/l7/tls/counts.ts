/** Bytes that TLS carries, and how many of its connections have been seen. */
import { Dimension, type Identity, type MetricScope, type ValueTable } from "ringtap/signal";

import { CarriedBytes } from "../carried-bytes.js";

/** enum tls_sight of bpf/l7/request_counts.h. */
const sights = ["whole", "late", "none"] as const;

export class TlsCounts {
  readonly bytes: CarriedBytes;
  readonly #connectionsDetail = new Dimension(["seen"]);
  readonly #connections: ValueTable;

  constructor(metrics: MetricScope, subject: Identity["subjects"]) {
    this.bytes = new CarriedBytes(
      metrics,
      subject,
      "ringtap_l7_tls_plaintext_bytes_total",
      "Bytes that OpenSSL and TLS of Go have read and written for programs: parsed, opaque (of no protocol that is known), or skipped.",
    );
    this.#connections = metrics.counter({
      name: "ringtap_l7_tls_connections_total",
      help: "TLS connections that have ended, by what was seen of the bytes that they carried: the whole, from some call on (late), none.",
      subject,
      detail: this.#connectionsDetail,
    });
  }

  /** Adds connections: the counts of a line, by enum tls_sight. */
  addConnections(subject: number, counts: Float64Array): void {
    for (const [index, sight] of sights.entries()) {
      const count = counts[index] as number;
      if (count !== 0) {
        this.#connections.add(subject, this.#connectionsDetail.intern(sight), count);
      }
    }
  }
}
