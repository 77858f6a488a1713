/** The package as a library: docs/library.md. */
export {
  type Agent,
  type AgentOptions,
  type AgentSignal,
  type Exposition,
  type IdentityLabel,
  openAgent,
} from "./open-agent.js";
export type { GivenFlags, SignalFlags, SignalName, SignalRecords } from "./signal-types.js";
export type { AgentLog } from "../engine/start-signal.js";
export type { Sample } from "../exposition/register-catalog.js";
export { type BlockEvent, BlockOperation, BlockOrigin } from "../signals/block/records.js";
export { type CgroupEvent, CgroupKind } from "../signals/cgroup/records.js";
export type { DropEvent } from "../signals/drop/records.js";
export type { FileEvent } from "../signals/file/records.js";
export { L7Error, type L7Event, L7Path, L7Protocol, L7Role } from "../signals/l7/records.js";
export { type MemoryEvent, MemoryEventKind, OomScope } from "../signals/memory/records.js";
export { type ProcessEvent, ProcessKind } from "../signals/process/records.js";
export { type SchedEvent, SchedEventKind } from "../signals/sched/records.js";
export type { SyscallEvent } from "../signals/syscall/records.js";
export { IpFamily, type TcpEvent, TcpEventKind, TcpResult, TcpRole } from "../signals/tcp/records.js";
export { type UdpEvent, UdpKind } from "../signals/udp/records.js";
export type { Latency } from "../views/latency.js";
export type { Live, Snapshot } from "../views/live.js";
export { processRates, type ProcessSnapshot } from "../views/processes.js";
export type {
  Breakdown,
  BreakdownRow,
  BreakdownTable,
  Column,
  Health,
  Headline,
  LatencyView,
  Link,
  LinkEnds,
  LinkRequests,
  LinkTotals,
  ProcessTotals,
  SignalHealth,
  SignalViews,
  TraceEvent,
} from "../views/protocol.js";
export { type Flag, FlagError, type FlagTable, type FlagValues, type Parse } from "../sdk/flags.js";
export type { SignalLog } from "../sdk/signal.js";
export type { Tail, TailEvent, TailFilter } from "../views/tail.js";
export type { DropReason, EventCounts } from "../engine/running.js";
export type { LinkWatch } from "../sdk/links.js";
export type { TraceValue, Watcher } from "../sdk/signal.js";
