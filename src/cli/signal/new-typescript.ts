/** `ringtap signal new --typescript`: a signal without C, to be changed into one's own. */
import { existsSync } from "node:fs";
import { kernelDeclarations, runningKernel } from "../bpf/types.js";
import { newReadme } from "./new-readme.js";
import { testText } from "./new-test.js";

const moduleText = (
  name: string,
): string => `/** ${name}: POSIX signals by number, and whether the other process got them. */
import { tracepoint } from "ringtap/bpf";

// Runs for each signal that is sent, in the sender's context (kernel/signal.c).
export default tracepoint("signal_generate", (e) => ({
  name: "${name}",
  summary: "POSIX signals sent, by number",
  // 0: delivered; others were ignored, or pending already (TRACE_SIGNAL_* of include/trace/events/signal.h).
  count: { by: { number: e.sig, delivered: e.result.eq(0) } },
  record: { number: e.sig, to: e.task.comm, delivered: e.result.eq(0) },
}));
`;

const signalTest = {
  what: "Sends itself SIGUSR1 (10), which it handles, 40 times, and SIGUSR2 (12), which it ignores, 9 times.",
  name: "counts signals by number",
  comm: "sends-signals",
  source: `#include <signal.h>
#include <unistd.h>
static void handle(int number)
{
	(void)number;
}
int main(void)
{
	signal(SIGUSR1, handle);
	signal(SIGUSR2, SIG_IGN);
	for (int i = 0; i < 40; i++)
		kill(getpid(), SIGUSR1);
	for (int i = 0; i < 9; i++)
		kill(getpid(), SIGUSR2);
	return 0;
}`,
  metric: "total",
  label: "number",
  counts: { 10: 40, 12: 9 },
};

const readmeText = (name: string): string =>
  newReadme(name, {
    counts: "POSIX signals by number",
    files: {
      "signal.ts": "the signal: what is counted, by which labels, and what a record has",
      [`${name}.test.mjs`]: "counts against a program that knows what it did",
      "kernel.d.ts":
        "the tracepoints and structs of a kernel, for editors and the compiler: `ringtap bpf types -o kernel.d.ts` writes it anew",
    },
    document: "docs/bpf.md",
  });

/** The files of a signal in TypeScript alone. */
export function filesInTypeScript(name: string): Readonly<Record<string, string>> {
  return {
    "signal.ts": moduleText(name),
    [`${name}.test.mjs`]: testText(name, signalTest),
    "README.md": readmeText(name),
    ...(existsSync(runningKernel) ? { "kernel.d.ts": kernelDeclarations([runningKernel]) } : {}),
  };
}
