/** What a POSIX signal costs more. */
import { compileC } from "../lib/build.js";
import { loadCpu, onCpu, runForNumbers } from "../lib/programs.js";
import { kill as signal } from "../../../src/signals/kill/signal.js";
import { attachedObject, attachedSignal } from "../lib/tracers.js";
import type { Part } from "./part.js";

/** Bursts, the fastest tenth of which stays below the figure, and signals of a burst. */
const bursts = 32;
const count = 2_000;

export const kill: Part = {
  signal: "kill",
  event: "POSIX signal",
  floor: attachedObject("an empty program", "scripts/bench/node/empty.bpf.c", "kill_"),
  traced: attachedSignal("ringtap, kill signal", signal),
  peers: [],
  prepare(context) {
    const program = compileC(context, "scripts/bench/node/signals.c", "signals");
    const command = onCpu(loadCpu, program, bursts.toString(), (context.quick ? count / 4 : count).toString());
    return async () => {
      const [cost = NaN] = await runForNumbers(...command);
      return cost;
    };
  },
  targets: () => [],
};
