/** The built-in signals. The process signal comes first: it keeps the identity table. */
import { file } from "./file.js";
import { process } from "./process.js";
import type { Signal } from "./signal.js";
import { syscall } from "./syscall.js";
import { tcp } from "./tcp.js";

export const signals: readonly Signal[] = [process, tcp, syscall, file];
