/** Requests that are under way, counted anew for each scrape. */
import { Dimension, type Scan, type SignalContext, type ValueTable } from "ringtap/signal";

import type { RequestMetrics } from "./protocols/protocol.js";
import { protocols, roles } from "./protocols.js";
import { L7Active } from "./records.js";

interface Gauge {
  readonly table: ValueTable;
  readonly detail: Dimension | undefined;
}

export class ActiveRequests {
  readonly #identity: SignalContext["identity"];
  readonly #scan: Scan<L7Active>;
  /** By kind and role. */
  readonly #gauges: ReadonlyMap<RequestMetrics, readonly Gauge[]>;

  constructor(context: SignalContext, kinds: readonly RequestMetrics[]) {
    const { metrics, identity } = context;
    this.#identity = identity;
    this.#scan = context.scan("l7_requests", L7Active, "connections");
    this.#gauges = new Map(
      kinds.flatMap((kind) => {
        const { active } = kind;
        if (active === undefined) {
          return [];
        }
        const detail = active.label === undefined ? undefined : new Dimension([active.label]);
        const gauges = roles.map((role) => ({
          detail,
          table: metrics.gauge({ ...active[role], subject: identity.subjects, detail }),
        }));
        return [[kind, gauges] as const];
      }),
    );
  }

  /** Makes the gauges what is under way now. */
  async read(): Promise<void> {
    const found: { gauge: Gauge; subject: number; detail: number; requests: number }[] = [];
    await this.#scan.run((record) => {
      const { metrics, name = "" } = protocols[record.protocol] ?? {};
      const gauge = metrics && this.#gauges.get(metrics)?.[record.role];
      if (gauge !== undefined) {
        const subject = this.#identity.subject(this.#identity.of(record));
        found.push({ gauge, subject, detail: gauge.detail?.intern(name) ?? 0, requests: record.requests });
      }
    });
    // In one go: no scrape shows half of it.
    for (const { table } of [...this.#gauges.values()].flat()) {
      table.zero();
    }
    for (const { gauge, subject, detail, requests } of found) {
      gauge.table.add(subject, detail, requests);
    }
  }
}
