/** Panels that several dashboards have, each about the series that these choose. */
import { type Panel, stat, timeseries } from "./panels.js";
import { type Queries, top } from "./promql.js";

/** Active opens with an outcome that is none to be wished for; what programs give up themselves is not among them. */
export const failed = 'result!~"established|aborted"';

/** Share of connects that fail, of those that have an outcome. */
export function failures({ rate }: Queries, by: readonly string[] = []): string {
  return `${rate("ringtap_tcp_connects_total", by, failed)} / ${rate("ringtap_tcp_connects_total", by, 'result!="aborted"')}`;
}

export function connects({ rate }: Queries): Panel {
  return stat({
    title: "Connects",
    description: "Active opens that have ended, with whatever outcome.",
    unit: "cps",
    query: rate("ringtap_tcp_connects_total"),
  });
}

export function failedConnects(queries: Queries): Panel {
  return stat({
    title: "Connects that fail",
    description: "Of those that have an outcome; what programs gave up themselves does not count.",
    unit: "percentunit",
    query: failures(queries),
    red: 0.25,
  });
}

export function openConnections({ sum }: Queries): Panel {
  return stat({
    title: "Open connections",
    description: "Established, or closed by the other end only; both ends of those within a node.",
    unit: "short",
    query: sum("ringtap_tcp_connections"),
  });
}

export function systemCalls({ rate }: Queries): Panel {
  return stat({
    title: "System calls",
    description: "Calls that have returned.",
    unit: "cps",
    query: rate("ringtap_syscalls_total"),
  });
}

export function callsByName({ rate }: Queries): Panel {
  return timeseries({
    title: "Calls by name",
    description: "Calls that have returned, the ten most frequent.",
    unit: "cps",
    queries: { "{{syscall}}": top(rate("ringtap_syscalls_total", ["syscall"])) },
  });
}

/** To be said of whatever shows durations of system calls. */
export const estimated = "An estimate, unless the agent runs with --syscall.timing all.";

export function timeByCall({ rate }: Queries): Panel {
  return timeseries({
    title: "Time by call",
    description: `Seconds a second, waiting included, all threads added up. ${estimated}`,
    unit: "s",
    queries: { "{{syscall}}": top(rate("ringtap_syscall_seconds_total", ["syscall"])) },
  });
}

export function callErrors({ rate }: Queries): Panel {
  return timeseries({
    title: "Errors",
    description: "By call and errno, which is what the program was told.",
    unit: "cps",
    queries: { "{{syscall}} {{errno}}": top(rate("ringtap_syscall_errors_total", ["syscall", "errno"])) },
  });
}

export function connectsByOutcome({ rate }: Queries): Panel {
  return timeseries({
    title: "Connects by outcome",
    description: "Active opens that have ended.",
    unit: "cps",
    queries: { "{{result}}": rate("ringtap_tcp_connects_total", ["result"]) },
  });
}

export function bytes({ rate }: Queries): Panel {
  return timeseries({
    title: "Bytes",
    description: "Payload, retransmissions left out.",
    unit: "Bps",
    queries: {
      sent: rate("ringtap_tcp_sent_bytes_total"),
      received: rate("ringtap_tcp_received_bytes_total"),
    },
  });
}

export function timeToConnect({ quantile }: Queries): Panel {
  return timeseries({
    title: "Time to connect",
    description: "What half, 90 % and 99 % of connects take at most; the examples are the slowest of a minute.",
    unit: "s",
    queries: {
      "50 %": quantile(0.5, "ringtap_tcp_connect_seconds"),
      "90 %": quantile(0.9, "ringtap_tcp_connect_seconds"),
      "99 %": quantile(0.99, "ringtap_tcp_connect_seconds"),
    },
    exemplars: true,
  });
}

export function lifetimes({ quantile }: Queries): Panel {
  return timeseries({
    title: "Lifetime of connections",
    description: "Of those that have ended: what half, and what 99 %, lasted at most.",
    unit: "s",
    queries: {
      "50 % {{role}}": quantile(0.5, "ringtap_tcp_connection_seconds", ["role"]),
      "99 % {{role}}": quantile(0.99, "ringtap_tcp_connection_seconds", ["role"]),
    },
  });
}
