/** What a page costs more that comes into the page cache, or goes from it. */
import { join } from "node:path";

import { compileC } from "../lib/build.js";
import { loadCpu, onCpu, runForNumbers } from "../lib/programs.js";
import { memory as signal } from "../../../src/signals/memory/signal.js";
import { attachedObject, attachedSignal } from "../lib/tracers.js";
import type { Part } from "./part.js";

/** Bursts, the fastest tenth of which stays below the figure, and times that a file of 64 pages is written in one. */
const bursts = 16;
const count = 40;

export const memory: Part = {
  signal: "memory",
  event: "page of the page cache",
  floor: attachedObject("empty programs", "scripts/bench/node/empty.bpf.c", "memory_"),
  traced: attachedSignal("ringtap, memory signal with --memory.page-cache", signal, { pageCache: true }),
  peers: [],
  prepare(context) {
    const program = compileC(context, "scripts/bench/node/pages.c", "pages");
    const file = join(context.scratch, "pages-file");
    const command = onCpu(loadCpu, program, file, bursts.toString(), (context.quick ? count / 4 : count).toString());
    return async () => {
      const [cost = NaN] = await runForNumbers(...command);
      return cost;
    };
  },
  targets: () => [],
};
