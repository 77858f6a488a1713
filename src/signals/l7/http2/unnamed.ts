/** How many requests of HTTP/2 have no path, by reason. */
import { Dimension, readCounters, type SignalContext } from "ringtap/signal";

import { type Unnamed, unnamedReasons } from "./request-paths.js";

/** enum lost_part of bpf/l7/protocols/header_blocks.h. */
const lostReasons = ["ring_full", "unreadable"] as const;

export class UnnamedRequests {
  readonly add: (reason: Unnamed, requests?: number) => void;
  readonly #lost;

  constructor({ metrics, counters }: Pick<SignalContext, "metrics" | "counters">) {
    const detail = new Dimension(["reason"]);
    const table = metrics.counter({
      name: "ringtap_l7_unnamed_requests_total",
      help: "Requests of HTTP/2 whose path is not known, by reason; they are counted like others, with the route or method ~unknown.",
      detail,
    });
    for (const reason of unnamedReasons) {
      table.add(0, detail.intern(reason), 0);
    }
    this.add = (reason, requests = 1) => {
      table.add(0, detail.intern(reason), requests);
    };
    this.#lost = counters("lost_parts");
  }

  /** Adds the parts of header blocks that the program could not send, of which a request mostly has one. */
  async read(): Promise<void> {
    await readCounters(this.#lost, ([reason = 0], [count = 0]) => {
      this.add(lostReasons[reason] ?? "unreadable", count);
    });
  }
}
