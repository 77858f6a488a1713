/** The built-in signals. Those that tell identity of control groups and processes come first. */
import { block } from "./block/signal.js";
import { cgroup } from "./cgroup/signal.js";
import { drop } from "./drop/signal.js";
import { file } from "./file/signal.js";
import { kill } from "./kill/signal.js";
import { l7 } from "./l7/signal.js";
import { memory } from "./memory/signal.js";
import { process } from "./process/signal.js";
import { sched } from "./sched/signal.js";
import type { AnySignal } from "../sdk/signal.js";
import { syscall } from "./syscall/signal.js";
import { tcp } from "./tcp/signal.js";
import { udp } from "./udp/signal.js";

export const signals: readonly AnySignal[] = [
  cgroup,
  process,
  tcp,
  syscall,
  file,
  l7,
  block,
  drop,
  udp,
  sched,
  kill,
  memory,
];
