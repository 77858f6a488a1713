/** Bytes that TLS carries, and how many of its connections have been seen. */
import { Dimension, type Identity, type MetricScope, type ValueTable } from "ringtap/signal";

/** enum tls_sight of bpf/l7/request_counts.h. */
const sights = ["whole", "late", "none"] as const;

export class TlsCounts {
  readonly #bytesDetail = new Dimension(["protocol", "role", "direction", "kind", "reason"]);
  readonly #bytes: ValueTable;
  readonly #connectionsDetail = new Dimension(["seen"]);
  readonly #connections: ValueTable;

  constructor(metrics: MetricScope, subject: Identity["subjects"]) {
    this.#bytes = metrics.counter({
      name: "ringtap_l7_tls_plaintext_bytes_total",
      help: "Bytes that OpenSSL and TLS of Go have read and written for programs: parsed, opaque (of no protocol that is known), or skipped.",
      subject,
      detail: this.#bytesDetail,
    });
    this.#connections = metrics.counter({
      name: "ringtap_l7_tls_connections_total",
      help: "TLS connections that have ended, by what was seen of the bytes that they carried: the whole, from some call on (late), none.",
      subject,
      detail: this.#connectionsDetail,
    });
  }

  /** Adds bytes with these labels. */
  add(subject: number, labels: readonly [string, string, string, string, string], count: number): void {
    this.#bytes.add(subject, this.#bytesDetail.intern(...labels), count);
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
