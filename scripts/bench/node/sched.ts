/** What a context switch costs more. */
import { compileC } from "../lib/build.js";
import { atMost } from "../lib/figures.js";
import { loadCpu, onCpu, runForNumbers } from "../lib/programs.js";
import { peer, ringtap } from "../lib/tracers.js";
import type { Part } from "./part.js";

const traced = ringtap("ringtap, sched signal", { flags: ["--signals=sched"] });
const runqlat = peer("runqlat (bcc libbpf-tools)", 3, "runqlat");
const runqlatByProcess = peer("runqlat -P (bcc libbpf-tools)", 3, "runqlat", "-P");

/** Bursts, the fastest tenth of which stays below the figure, and calls of a burst. */
const bursts = 64;
const calls = 5_000;

/** Of two processes that share a core and hand a byte back and forth, every second call blocks. */
const callsOfSwitch = 2;

export const sched: Part = {
  signal: "sched",
  event: "context switch",
  traced,
  peers: [runqlat, runqlatByProcess],
  prepare(context) {
    const pipes = compileC(context, "scripts/bench/syscall/pipes.c", "switch-pipes");
    const command = onCpu(loadCpu, pipes, bursts.toString(), (context.quick ? calls / 4 : calls).toString());
    return async () => {
      const [cost = NaN] = await runForNumbers(...command);
      return callsOfSwitch * cost;
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
