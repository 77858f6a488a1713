/** The histograms of the sizes of bodies, by role: what the kernel's lines (bpf/l7/body_sizes.h) have grown by. */
import { Dimension, type HistogramTable, type SignalContext } from "ringtap/signal";

import type { RequestMetrics } from "./protocols/protocol.js";
import { errors, otherOperation, protocols, roles } from "./protocols.js";
import { SizeLine } from "./records.js";
import { partsOf } from "./request-tables.js";

/** Slots are counted from 64 bytes on, to a gibibyte: FIRST_SIZE_POWER of bpf/l7/body_sizes.h. */
const [firstPower, lastPower] = [6, 30];

/** Sums before the slots: of requests, of responses. */
const sums = 2;

export class SizeTables {
  readonly #details: readonly Dimension[];
  /** Of requests and of responses, by role. */
  readonly #tables: readonly (readonly HistogramTable[])[];

  constructor({ metrics, identity }: SignalContext, { sizes, labels }: RequestMetrics) {
    this.#details = roles.map(() => new Dimension(labels));
    this.#tables = (sizes ?? []).map((of) =>
      roles.map((role, index) =>
        metrics.histogram({
          ...of[role],
          ...{ unit: "bytes", firstPower, lastPower },
          subject: identity.subjects,
          detail: this.#details[index],
        }),
      ),
    );
  }

  /** Adds what a line has: the counts of struct size_line behind its key. */
  add(subject: number, number: number, counts: Float64Array): void {
    const { role } = partsOf(number);
    const detail = this.#detail(number);
    for (let index = 0; index < this.#tables.length; index++) {
      const table = this.#tables[index]?.[role] as HistogramTable;
      const from = sums + index * SizeLine.requestSlotsLength;
      const row = table.row(subject, detail);
      table.addSlots(row, firstPower, counts, counts[index] as number, from, from + SizeLine.requestSlotsLength);
    }
  }

  #detail(number: number): number {
    const { protocol, role, operation, status, error } = partsOf(number);
    const detail = this.#details[role] as Dimension;
    const failure = error === 0 ? "" : (errors[error] ?? "");
    const values = protocols[protocol]?.values(operation, status, failure, roles[role] ?? "client");
    return operation === otherOperation || !values ? detail.other : detail.intern(...values);
  }
}
