/** process: exec and exit of processes. Its records also keep the identity table. */
import { ProcessEvent, ProcessKind } from "./records.js";
import { native } from "../../binding/native.js";
import { Dimension } from "../../metrics/dimension.js";
import { keysOf } from "../../sdk/enum-names.js";
import { readRecords } from "../../sdk/reading.js";
import type { Handlers, Signal, SignalContext, TraceValue } from "../../sdk/signal.js";

const kinds = keysOf(ProcessKind);

/** How often the processes are counted over, milliseconds. */
const censusInterval = 30_000;

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

function start(context: SignalContext): Handlers<ProcessEvent> {
  const { catalog, identity } = context;
  const reason = new Dimension(["reason"]);
  const execs = catalog.counter({
    name: "ringtap_process_execs_total",
    help: "Successful execve and execveat calls, by the comm of the process afterwards.",
    subject: identity.comms,
  });
  const exits = catalog.counter({
    name: "ringtap_process_exits_total",
    help: "Processes that ended: ok (exit code 0), error (another exit code), signal (killed by a POSIX signal).",
    subject: identity.comms,
    detail: reason,
  });
  const running = context.iterator("process_running");
  const seen = new ProcessEvent();
  let lastCensus = 0;

  /** Asks the kernel which processes there are: what a full ring has lost of their lives does not last. */
  function takeCensus(): void {
    lastCensus = performance.now();
    identity.beginCensus(Number(native.monotonicNow()));
    readRecords(running, ProcessEvent.size, seen, (event) => {
      identity.lives(event);
    });
    identity.endCensus();
  }

  function take(event: ProcessEvent): void {
    const comm = identity.comm(identity.of(event));
    switch (event.kind) {
      case ProcessKind.exec:
        identity.lives(event);
        execs.add(comm, 0, 1);
        break;
      case ProcessKind.exit:
        identity.exits(event);
        exits.add(comm, reason.intern(exitReason(event.exitStatus)), 1);
        break;
      default:
        identity.lives(event);
    }
  }

  return {
    records(batch) {
      while (batch.next()) {
        take(batch.record);
      }
    },
    attached: takeCensus,
    relieve() {
      if (performance.now() - lastCensus >= censusInterval) {
        takeCensus();
      }
    },
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

export const process: Signal<ProcessEvent> = {
  name: "process",
  summary: "process life: exec, exit, comm changes",
  record: ProcessEvent,
  hooks: [{ name: "tp_btf", without: [] }],
  optional: { process_rename: "renames", process_move: "moves between control groups" },
  setup: ({ cgroup }) => ({ without: cgroup.inRecords ? [] : ["process_move"] }),
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
};
