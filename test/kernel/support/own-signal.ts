/** A signal as a user would write it, over the object of `file`: nothing of ringtap knows its name, its metrics or its columns. */
import { defineSignal, Dimension } from "ringtap/signal";

import { FileEvent } from "../../../src/signals/file/records.js";
import { file } from "../../../src/signals/file/signal.js";

/** Bytes of a record without its path. */
const headSize = 72;

/** Counts open(2) as visits to the library, and those in vain as books that are lent. */
export const ownSignal = defineSignal({
  api: 1,
  name: "visits",
  summary: "visits to the library",
  object: file.object,
  hooks: file.hooks ?? [],
  syscalls: ["open", "creat", "openat", "openat2"],
  ring: { record: FileEvent, shortest: headSize },
  setup: () => ({
    constants: { with_path: 0, counting: 0 },
    variables: { failures_wanted: 1, successes_wanted: 1 },
    without: ["opens", "lines"],
  }),
  start({ metrics, identity }) {
    const outcome = new Dimension(["outcome"]);
    const visits = metrics.counter({
      name: "visits_total",
      help: "Visits to the library.",
      subject: identity.subjects,
      detail: outcome,
    });
    return {
      records(batch) {
        while (batch.next()) {
          const { record } = batch;
          const detail = outcome.intern(record.error === 0 ? "read" : "lent");
          visits.add(identity.subject(identity.of(record)), detail, 1);
        }
      },
    };
  },
  trace: {
    types: { outcome: ["read", "lent"] },
    outcome: ["outcome"],
    failed: ({ error }) => error !== 0,
    columns: [{ field: "outcome", heading: "OUTCOME", width: 0 }],
    fields: ({ error }) => ({ outcome: error === 0 ? "read" : "lent" }),
  },
  views: {
    columns: [
      { key: "visits", metric: "visits_total", unit: "count", heading: "VISITS", help: "visits to the library" },
      {
        key: "lent",
        metric: "visits_total",
        except: { label: "outcome", value: "read" },
        unit: "count",
        heading: "LENT",
        help: "visits in vain",
        isFailure: true,
      },
    ],
    breakdown: { title: "Visits", label: "outcome", count: "visits_total" },
    headline: [{ title: "visits", column: "visits" }],
  },
});
