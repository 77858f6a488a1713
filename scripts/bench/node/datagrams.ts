/** What a UDP datagram costs more, and one that is dropped. */
import { compileC } from "../lib/build.js";
import { atMost } from "../lib/figures.js";
import { loadCpu, onCpu, runForNumbers } from "../lib/programs.js";
import type { AnySignal } from "../../../src/sdk/signal.js";
import { drop as dropSignal } from "../../../src/signals/drop/signal.js";
import { udp as udpSignal } from "../../../src/signals/udp/signal.js";
import { attachedObject, attachedSignal } from "../lib/tracers.js";
import type { Part } from "./part.js";

/** Bursts, the fastest tenth of which stays below the figure, and datagrams of a burst. */
const bursts = 32;
const count = 1_000;

function part(signal: AnySignal, event: string, what: "carried" | "dropped"): Part {
  const { name } = signal;
  const traced = attachedSignal(`ringtap, ${name} signal`, signal);
  return {
    signal: name,
    event,
    floor: attachedObject("empty programs", "scripts/bench/node/empty.bpf.c", `${name}_`),
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
    targets: (added) => [atMost(60, added.by(traced), " ns", `added to a ${event} by ${name}`)],
  };
}

export const udp = part(udpSignal, "datagram sent or received", "carried");
export const drop = part(dropSignal, "dropped datagram", "dropped");
