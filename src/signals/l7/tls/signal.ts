/** What TLS carries, beside what else the signal does. */
import type { Running, SignalContext } from "ringtap/signal";

import { type L7Event, TlsNotice } from "../records.js";
import { TlsProbes } from "./probes.js";

/** The programs that are attached to files. */
export const tlsPrograms = ["tls_enter", "tls_carried", "l7_exit", "l7_exec"];

/** Sizes of their maps where they are left out. */
export const noTlsSizes = { tls_threads: 1, sessions: 1, tls_noticed: 1, tls_programs: 1 };

/** Adds the search for files to what the signal does. */
export function withTls(context: SignalContext, files: number, running: Running<L7Event>): Running<L7Event> {
  const probes = new TlsProbes(context, files);
  context.sideRing("tls_notices", TlsNotice, ({ tgid }) => {
    probes.scanSoon(tgid);
  });
  return {
    ...running,
    attached: () => probes.scan(),
    maintain: async () => {
      probes.maintain();
      await running.maintain?.();
    },
  };
}
