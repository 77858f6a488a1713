/** All commands but `run`, in one module: the fewer modules are imported late, the fewer files the bundle has, and `run` starts the sooner. */
export { addTraceCommand } from "./trace/trace.js";
export { addTopCommand } from "./top/top.js";
export { addCheckCommand } from "./check/check.js";
export { addCountCommands } from "./count/count.js";
export { addSignalCommand } from "./signal/signal.js";
export { addBpfCommand } from "./bpf/bpf.js";
export { addCompletionCommand } from "./reference/completion.js";
