/** The package as a library: docs/library.md. */
export {
  type Agent,
  type AgentOptions,
  type AgentSignal,
  type Exposition,
  type IdentityLabel,
  openAgent,
  type SignalName,
  type SignalRecords,
} from "./open-agent.js";
export type { AgentLog } from "./start-signal.js";
export type { Sample } from "../exposition/prom-client.js";
export type { FileEvent } from "../generated/file.js";
export { type ProcessEvent, ProcessKind } from "../generated/process.js";
export type { SyscallEvent } from "../generated/syscall.js";
export { IpFamily, type TcpEvent, TcpEventKind, TcpResult, TcpRole } from "../generated/tcp.js";
export type { EdgeWatch } from "../live/edges.js";
export type { Latency } from "../live/latency.js";
export type { Live, Snapshot } from "../live/live.js";
export { processRates } from "../live/processes.js";
export type {
  CallTotals,
  Edge,
  EdgeEnds,
  EdgeTotals,
  Health,
  ProcessNumber,
  ProcessTotals,
  SignalHealth,
  TraceEvent,
} from "../live/protocol.js";
export type { Tail, TailFilter } from "../live/tail.js";
export type { Books, DropReason } from "../signals/running.js";
export type { TraceValue, Watcher } from "../signals/signal.js";
