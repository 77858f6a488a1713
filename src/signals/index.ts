/** The built-in signals. Those that tell identity of control groups and processes come first. */
import { cgroup } from "./cgroup.js";
import { file } from "./file.js";
import { process } from "./process.js";
import type { Signal } from "./signal.js";
import { syscall } from "./syscall.js";
import { tcp } from "./tcp.js";

export const signals: readonly Signal[] = [cgroup, process, tcp, syscall, file];
