/** removals: files and folders removed, by outcome. */
import { defineSignal, Dimension, errnoName, objectFile, type Running, type SignalContext } from "ringtap/signal";
import { RemovalEvent } from "./records.js";

function outcomeOf(error: number): string {
  return error === 0 ? "ok" : errnoName(error);
}

function start({ metrics, identity }: SignalContext): Running<RemovalEvent> {
  const result = new Dimension(["result"]);
  /** By errno: a record whose labels are known allocates nothing. */
  const results: number[] = [];
  const removals = metrics.counter({
    name: "file_removals_total",
    help: "Calls of unlink, unlinkat and rmdir that have returned, by outcome: ok or the errno.",
    subject: identity.subjects,
    detail: result,
  });
  return {
    records(batch) {
      while (batch.next()) {
        const { record } = batch;
        const detail = (results[record.error] ??= result.intern(outcomeOf(record.error)));
        removals.add(identity.subject(identity.of(record)), detail, 1);
      }
    },
  };
}

export default defineSignal({
  api: 1,
  name: "removals",
  summary: "files and folders removed, by outcome",
  object: objectFile(import.meta.url, "removals"),
  syscalls: ["unlink", "unlinkat", "rmdir"],
  ring: { record: RemovalEvent },
  start,
  trace: {
    types: { result: "string" },
    outcome: ["result"],
    failed: ({ error }) => error !== 0,
    columns: [{ field: "result", heading: "RESULT", width: 0 }],
    fields: ({ error }) => ({ result: outcomeOf(error) }),
  },
});
