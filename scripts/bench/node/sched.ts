/** What a context switch costs more. */
import { compileC } from "../lib/build.js";
import { atMost } from "../lib/figures.js";
import { loadCpu, onCpu, runForNumbers } from "../lib/programs.js";
import { sched as signal } from "../../../src/signals/sched/signal.js";
import { attachedObject, attachedSignal, peer } from "../lib/tracers.js";
import type { Part } from "./part.js";

const floor = attachedObject("an empty program", "scripts/bench/node/empty.bpf.c", "sched_");
const traced = attachedSignal("ringtap, sched signal", signal);
const runqlat = peer("runqlat (bcc libbpf-tools)", 3, "runqlat");
const runqlatByProcess = peer("runqlat -P (bcc libbpf-tools)", 3, "runqlat", "-P");

/** Bursts, the fastest tenth of which stays below the figure, and calls of a burst. */
const bursts = 16;
const calls = 5_000;

/** Of two processes that share a core and hand a byte back and forth, every second call blocks. */
const callsOfSwitch = 2;

/** Runs of the load until one is not disturbed. */
const mostTries = 20;

export const sched: Part = {
  signal: "sched",
  event: "context switch",
  floor,
  traced,
  peers: [runqlat, runqlatByProcess],
  prepare(context) {
    const pipes = compileC(context, "scripts/bench/syscall/pipes.c", "switch-pipes");
    const command = onCpu(loadCpu, pipes, bursts.toString(), (context.quick ? calls / 4 : calls).toString());
    return async () => {
      for (let tries = 1; ; tries++) {
        try {
          const [cost = NaN] = await runForNumbers(...command);
          return callsOfSwitch * cost;
        } catch (error) {
          // Where others want the core, a byte is there before it is waited for, and the program says so.
          if (tries === mostTries) {
            throw error;
          }
        }
      }
    };
  },
  targets: (added) => [
    atMost(40, added.by(traced), " ns", "added to a context switch by sched"),
    ...[runqlat, runqlatByProcess].flatMap((other) => {
      const ratio = added.against(traced, other);
      return ratio === undefined ? [] : [atMost(0.3, ratio, " ×", `added by sched, against ${other.name}`)];
    }),
  ],
};
