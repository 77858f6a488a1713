/** process: exec and exit of processes. The process table is kept from its records, too. */
import { pid as ownPid } from "node:process";

import {
  defineSignal,
  Dimension,
  keysOf,
  objectFile,
  type Running,
  type SignalContext,
  type TraceValue,
} from "ringtap/signal";
import { ProcessEvent, ProcessKind } from "./records.js";

const kinds = keysOf(ProcessKind);

/** From one scan of all processes to the next, milliseconds; and after records were lost. */
const scanIntervalMs = 30_000;
const scanAfterLossMs = 5_000;

/** The word of struct account (bpf/include/ringtap/account.h) that counts the records that found the ring full. */
const ringFullWord = 1;

/** The signal that ended a process, or 0 (the low seven bits of what wait(2) reports). */
function endingSignal(status: number): number {
  return status & 0x7f;
}

function exitCode(status: number): number {
  return (status >>> 8) & 0xff;
}

const exitReasons = ["ok", "error", "signal"] as const;

function exitReason(status: number): (typeof exitReasons)[number] {
  return endingSignal(status) !== 0 ? "signal" : exitCode(status) !== 0 ? "error" : "ok";
}

function start(context: SignalContext): Running<ProcessEvent> {
  const { metrics, identity } = context;
  const reason = new Dimension(["reason"]);
  const execs = metrics.counter({
    name: "ringtap_process_execs_total",
    help: "Successful execve and execveat calls, by the comm of the process afterwards.",
    subject: identity.comms,
  });
  const exits = metrics.counter({
    name: "ringtap_process_exits_total",
    help: "Processes that ended: ok (exit code 0), error (another exit code), signal (killed by a POSIX signal).",
    subject: identity.comms,
    detail: reason,
  });
  const running = context.scan("process_running", ProcessEvent);
  const account = context.map("account");
  let lastScan = 0;
  /** Records that had been lost when that was last read; and has any been since the last scan? */
  let lost = 0n;
  let isBehind = false;

  function readLost(): bigint {
    account.readAll();
    return new BigUint64Array(account.values)[ringFullWord] ?? 0n;
  }

  /**
   * Reads from the kernel which processes there are, in turns: a fork or an exit that a full ring has lost is made up for. No record of
   * the ring is read between the reading of a piece and its handling, so that no process is shown after its exit.
   */
  async function scan(): Promise<void> {
    lastScan = performance.now();
    identity.beginScan();
    // The iterator shows the agent's pid namespace. Ids are the host's: where that is another one, the agent does not find itself.
    let isWhole = false;
    await running.run((event) => {
      isWhole ||= event.tgid === ownPid;
      identity.activate(event);
    });
    await identity.endScan(isWhole);
  }

  function handle(event: ProcessEvent): void {
    const comm = identity.comm(identity.of(event));
    switch (event.kind) {
      case ProcessKind.exec:
        identity.activate(event);
        execs.add(comm, 0, 1);
        break;
      case ProcessKind.exit:
        identity.end(event);
        exits.add(comm, reason.intern(exitReason(event.exitStatus)), 1);
        break;
      default:
        identity.activate(event);
    }
  }

  return {
    records(batch) {
      while (batch.next()) {
        handle(batch.record);
      }
    },
    attached: scan,
    async maintain() {
      // A second after the loss at the earliest: what was counted meanwhile for processes that no record has shown has been read by then.
      if (performance.now() - lastScan >= (isBehind ? scanAfterLossMs : scanIntervalMs)) {
        isBehind = false;
        await scan();
      }
      const before = lost;
      lost = readLost();
      isBehind ||= lost !== before;
    },
    maintainMayWait: true,
  };
}

function fields(event: ProcessEvent): Record<string, TraceValue> {
  const exited = event.kind === ProcessKind.exit;
  const code = endingSignal(event.exitStatus) === 0 ? exitCode(event.exitStatus) : undefined;
  return {
    event: kinds[event.kind],
    ppid: event.parentTgid,
    path: event.kind === ProcessKind.exec ? event.path : undefined,
    path_truncated: event.pathTruncated !== 0 ? true : undefined,
    reason: exited ? exitReason(event.exitStatus) : undefined,
    exit_code: exited ? code : undefined,
    exit_signal: exited && code === undefined ? endingSignal(event.exitStatus) : undefined,
    duration_seconds: exited ? (event.time - event.start) / 1e9 : undefined,
  };
}

export const process = defineSignal({
  api: 1,
  name: "process",
  summary: "process life: exec, exit, comm changes",
  object: objectFile(import.meta.url, "process"),
  provides: "processes",
  ring: { record: ProcessEvent },
  optional: { process_rename: "renames", process_move: "moves between control groups" },
  setup: (_flags, { cgroups }) => ({ without: cgroups.inRecords ? [] : ["process_move"] }),
  start,
  trace: {
    types: {
      event: kinds,
      ppid: "integer",
      path: "string",
      path_truncated: "boolean",
      reason: exitReasons,
      exit_code: "integer",
      exit_signal: "integer",
      duration_seconds: "number",
    },
    outcome: ["event", "reason"],
    failed: ({ kind, exitStatus }) => kind === ProcessKind.exit && exitReason(exitStatus) !== "ok",
    columns: [
      { field: "event", heading: "EVENT", width: 7 },
      { field: "ppid", heading: "PPID", width: 8 },
      { field: "reason", heading: "REASON", width: 7 },
      { field: "exit_code", heading: "CODE", width: 5 },
      { field: "exit_signal", heading: "SIGNAL", width: 7 },
      { field: "duration_seconds", heading: "DURATION", width: 12 },
      { field: "path", heading: "PATH", width: 0 },
    ],
    fields,
  },
});
