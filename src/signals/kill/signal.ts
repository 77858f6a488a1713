/** kill: POSIX signals that are sent, by whom and to whom; in TypeScript alone, for the running kernel. docs/bpf.md. */
import { constants } from "node:os";
import { address, type Num, tracepoint, when, whenLoaded, withNames } from "ringtap/bpf";

/** What is read of the tracepoint's arguments, on all kernels: TP_PROTO of include/trace/events/signal.h. */
interface Arguments {
  readonly sig: Num;
  readonly info: { readonly si_code: Num };
  readonly task: object;
  readonly result: Num;
}

/** TRACE_SIGNAL_* of include/trace/events/signal.h. */
const outcomes = { delivered: 0, ignored: 1, already_pending: 2, queue_full: 3, information_lost: 4 };

/** Codes by which a process sends: SI_USER, SI_QUEUE and SI_TKILL of include/uapi/asm-generic/siginfo.h. */
const codes = { user: 0, queue: -1, tkill: -6 };

/** What stands in place of a pointer to what the kernel sends: SEND_SIG_PRIV of include/linux/sched/signal.h, and its code. */
const privileged = 1;
const kernelCode = 0x80;

export const kill = whenLoaded(
  {
    name: "kill",
    summary: "POSIX signals that are sent, by whom and to whom",
    optIn: true,
    record: { posix_signal: "string", sender: "string", sender_pid: "integer", outcome: Object.keys(outcomes) },
  },
  () =>
    // kernel/signal.c, __send_signal_locked(). A process that sends runs at that moment; what the kernel sends may come in an interrupt.
    tracepoint("signal_generate", (e, h) => {
      const { sig, info, task, result } = e as unknown as Arguments;
      const code = when(address(info).eq(privileged), kernelCode, info.si_code);
      const isSent = code.eq(codes.user).or(code.eq(codes.queue)).or(code.eq(codes.tkill));
      const values = {
        posix_signal: withNames(sig, constants.signals),
        sender: when(isSent, h.comm),
        outcome: withNames(result, outcomes),
      };
      return {
        name: "kill",
        owner: task,
        count: { name: "ringtap_kill_signals_total", help: "POSIX signals that were sent to a process.", by: values },
        record: { ...values, sender_pid: when(isSent, h.pid, 0) },
      };
    }),
);
