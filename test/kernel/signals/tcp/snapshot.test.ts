/** What names a connection, in snapshots and in records. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { loadSignal } from "../../../../src/engine/load.js";
import type { Scan } from "../../../../src/sdk/signal.js";
import { TcpEventKind, TcpPhase, TcpSample } from "../../../../src/signals/tcp/records.js";
import { tcp } from "../../../../src/signals/tcp/signal.js";
import { startLoaded } from "../../support/loading.js";
import { compileProgram, programSource } from "../../support/program.js";
import { startWaiting } from "../../support/waiting.js";

const source = programSource("tcp-attempts");

interface Named {
  connection(index: number): number;
  start(index: number): number;
}

function nameOf(record: Named): string {
  return [record.connection(0), record.connection(1), record.start(0), record.start(1)].join();
}

// A snapshot on another processor may read it before, while or after the attempt ends.
test("a connection keeps its name when its SYN is sent, and when it is established and closed", async (t) => {
  let pid = 0;
  let snapshot: Scan<TcpSample> | undefined;
  const records: [kind: number, name: string][] = [];
  const watched: typeof tcp = {
    ...tcp,
    start(context) {
      snapshot = context.scan("tcp_snapshot", TcpSample, "preallocated");
      return {
        records(batch) {
          while (batch.next()) {
            if (batch.record.tgid === pid) {
              records.push([batch.record.kind, nameOf(batch.record)]);
            }
          }
        },
      };
    },
  };
  const { running } = startLoaded(t, loadSignal(watched, { ringSize: 2 ** 22 }), ["pid"]);
  // connect(2) returns before it has sent a SYN: the first write does (TCP_FASTOPEN_CONNECT).
  const args = ["127.0.0.1", "0", "defer", "write-later", "1"];
  const program = await startWaiting(t, compileProgram("tcp-attempts", source), args);
  ({ pid } = program);
  const shown: [phase: number, name: string][] = [];
  await snapshot?.run((sample) => {
    if (sample.tgid === pid) {
      shown.push([sample.phase, nameOf(sample)]);
    }
  });
  const name = shown[0]?.[1] ?? "";
  assert.deepEqual(shown, [[TcpPhase.connecting, name]]);
  await program.go();
  running.drain();
  assert.deepEqual(records, [
    [TcpEventKind.connect, name],
    [TcpEventKind.close, name],
  ]);
});
