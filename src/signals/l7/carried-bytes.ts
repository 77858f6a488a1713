/** Bytes that are counted apart from those of TCP connections and datagrams. */
import { Dimension, type Identity, type MetricScope, type ValueTable } from "ringtap/signal";

export class CarriedBytes {
  readonly #detail = new Dimension(["protocol", "role", "direction", "kind", "reason"]);
  readonly #bytes: ValueTable;

  constructor(metrics: MetricScope, subject: Identity["subjects"], name: string, help: string) {
    this.#bytes = metrics.counter({ name, help, subject, detail: this.#detail });
  }

  /** Adds bytes with these labels. */
  add(subject: number, labels: readonly [string, string, string, string, string], count: number): void {
    this.#bytes.add(subject, this.#detail.intern(...labels), count);
  }
}
