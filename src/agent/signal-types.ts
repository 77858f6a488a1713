/** The built-in signals as a program that embeds ringtap sees them: what their records are, and which flags they have. */
import type { Flag, FlagTable } from "../sdk/flags.js";
import type { flags as blockFlags } from "../signals/block/flags.js";
import type { BlockEvent } from "../signals/block/records.js";
import type { CgroupEvent } from "../signals/cgroup/records.js";
import type { flags as dropFlags } from "../signals/drop/flags.js";
import type { DropEvent } from "../signals/drop/records.js";
import type { flags as fileFlags } from "../signals/file/flags.js";
import type { FileEvent } from "../signals/file/records.js";
import type { flags as l7Flags } from "../signals/l7/flags.js";
import type { L7Event } from "../signals/l7/records.js";
import type { flags as memoryFlags } from "../signals/memory/flags.js";
import type { MemoryEvent } from "../signals/memory/records.js";
import type { ProcessEvent } from "../signals/process/records.js";
import type { flags as schedFlags } from "../signals/sched/flags.js";
import type { SchedEvent } from "../signals/sched/records.js";
import type { flags as syscallFlags } from "../signals/syscall/flags.js";
import type { SyscallEvent } from "../signals/syscall/records.js";
import type { flags as tcpFlags } from "../signals/tcp/flags.js";
import type { TcpEvent } from "../signals/tcp/records.js";
import type { flags as udpFlags } from "../signals/udp/flags.js";
import type { UdpEvent } from "../signals/udp/records.js";

/** The records of built-in signals: see `bpf/<signal>/<signal>.bpf.c` for what their fields mean. */
export interface SignalRecords {
  readonly cgroup: CgroupEvent;
  readonly process: ProcessEvent;
  readonly tcp: TcpEvent;
  /** None unless {@link SignalFlags.syscall} has the mode `stream`. */
  readonly syscall: SyscallEvent;
  readonly file: FileEvent;
  readonly l7: L7Event;
  readonly block: BlockEvent;
  readonly drop: DropEvent;
  readonly udp: UdpEvent;
  readonly sched: SchedEvent;
  readonly memory: MemoryEvent;
}

/** What may be given for a value: itself where it is a word, a number or a switch, else its text. */
type GivenValue<Value> = Value extends boolean ? Value : Value extends string | number ? Value | string : string;

/** What may be given for the flags of a table: values, or their texts as on the command line; a list's are in an array. Those of `trace` alone are none. */
export type GivenFlags<Table extends FlagTable> = {
  readonly [
    Key in keyof Table as Table[Key] extends { readonly inTrace: "only" } ? never : Key
  ]?: Table[Key] extends Flag<readonly (infer Item)[]>
    ? readonly GivenValue<Item>[]
    : Table[Key] extends Flag<infer Value>
      ? GivenValue<Value>
      : never;
};

/** The flags of built-in signals, as docs/flags.md describes them. As numbers, durations are nanoseconds. */
export interface SignalFlags {
  readonly tcp?: GivenFlags<typeof tcpFlags>;
  readonly syscall?: GivenFlags<typeof syscallFlags>;
  readonly file?: GivenFlags<typeof fileFlags>;
  readonly l7?: GivenFlags<typeof l7Flags>;
  readonly block?: GivenFlags<typeof blockFlags>;
  readonly drop?: GivenFlags<typeof dropFlags>;
  readonly udp?: GivenFlags<typeof udpFlags>;
  readonly sched?: GivenFlags<typeof schedFlags>;
  readonly memory?: GivenFlags<typeof memoryFlags>;
}

export type SignalName = keyof SignalRecords;
