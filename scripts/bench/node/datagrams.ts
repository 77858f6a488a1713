/** What a UDP datagram costs more, and one that is dropped. */
import { compileC } from "../lib/build.js";
import { atMost } from "../lib/figures.js";
import { loadCpu, onCpu, runForNumbers } from "../lib/programs.js";
import { ringtap } from "../lib/tracers.js";
import type { Part } from "./part.js";

/** Bursts, the fastest tenth of which stays below the figure, and datagrams of a burst. */
const bursts = 128;
const count = 1_000;

function part(signal: string, event: string, what: "carried" | "dropped"): Part {
  const traced = ringtap(`ringtap, ${signal} signal`, { flags: [`--signals=${signal}`] });
  return {
    signal,
    event,
    traced,
    peers: [],
    prepare(context) {
      const program = compileC(context, "scripts/bench/node/datagrams.c", `datagrams-${what}`);
      const command = onCpu(loadCpu, program, what, bursts.toString(), (context.quick ? count / 4 : count).toString());
      return async () => {
        const [cost = NaN] = await runForNumbers(...command);
        return cost;
      };
    },
    targets: (added) => [atMost(60, added.by(traced), " ns", `added to a ${event} by ${signal}`)],
  };
}

export const udp = part("udp", "datagram sent or received", "carried");
export const drop = part("drop", "dropped datagram", "dropped");
