import { fieldReader, type TracedEvent } from "../../../src/cli/trace/fields.js";
import { ProcessEvent } from "../../../src/signals/process/records.js";
import { Cgroups } from "../../../src/identity/cgroups.js";
import type { EventRecord } from "../../../src/sdk/signal.js";
import type { TraceableSignal } from "../../../src/views/trace-event.js";
import { process as processSignal } from "../../../src/signals/process/signal.js";

/** What a record of the process signal is to hold; text may be bytes. */
export interface ProcessFields {
  readonly time?: number;
  readonly tgid?: number;
  readonly tid?: number;
  readonly comm?: string | Buffer;
  readonly threadComm?: string | Buffer;
  readonly kind: number;
  readonly cgroup?: number;
  readonly status?: number;
  readonly path?: string;
  readonly pathTruncated?: boolean;
}

/** Where a member lies, from the start of the record. */
function offsetOf(member: string): number {
  const [, offset] = new RegExp(` ${member}@(\\d+)`).exec(ProcessEvent.layout) ?? [];
  return Number(offset);
}

/** A record as the kernel would have written it, behind its decoder. */
export function processRecord(fields: ProcessFields): ProcessEvent {
  const { time = 0, tgid = 42, tid = tgid, comm = "cat", threadComm = comm, status = 0, path = "" } = fields;
  const bytes = Buffer.alloc(ProcessEvent.size);
  bytes.writeBigUInt64LE(BigInt(time), offsetOf("time"));
  bytes.writeUInt32LE(tgid, offsetOf("tgid"));
  bytes.writeUInt32LE(tid, offsetOf("tid"));
  Buffer.from(comm).copy(bytes, offsetOf("comm"));
  Buffer.from(threadComm).copy(bytes, offsetOf("thread_comm"));
  bytes.writeBigUInt64LE(BigInt(fields.cgroup ?? 0), offsetOf("cgroup"));
  bytes.writeUInt32LE(fields.kind, offsetOf("kind"));
  bytes.writeUInt32LE(7, offsetOf("parent_tgid"));
  bytes.writeUInt32LE(status, offsetOf("exit_status"));
  bytes.writeUInt32LE(fields.pathTruncated === true ? 1 : 0, offsetOf("path_truncated"));
  bytes.write(path, offsetOf("path"));
  const record = new ProcessEvent();
  record.bind(new Uint8Array(bytes).buffer);
  record.moveTo(0, ProcessEvent.size);
  return record;
}

/** A record as the printer sees it; by default one of the process signal, of a control group that nobody knows. */
export function tracedEvent(
  record: EventRecord,
  {
    signal = processSignal,
    cgroups = new Cgroups(),
  }: { readonly signal?: TraceableSignal; readonly cgroups?: Cgroups } = {},
): TracedEvent {
  const failed = signal.trace.failed?.(record) ?? false;
  return { record, fields: fieldReader(signal, cgroups)(record), failed, slow: false };
}
