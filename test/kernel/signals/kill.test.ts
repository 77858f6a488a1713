/** kill against a program that knows which POSIX signals it has sent, and which the kernel has sent beside them. */
import assert from "node:assert/strict";
import { it } from "node:test";

import { startAgent, unlimitedSeries } from "../support/agent.js";
import { eventually } from "../support/eventually.js";
import { compileProgram, programSource, runProgram } from "../support/program.js";
import { onlyCapabilities } from "../support/ringtap.js";
import { labelled } from "../support/samples.js";
import { startTrace } from "../support/trace.js";

const source = programSource("kill-signals");

const [sender, target, fault] = ["rt-kill-sender", "rt-kill-target", "rt-kill-fault"];

/** Receiver, sender, signal and outcome, and how many. */
const sent: Readonly<Record<string, number>> = {
  [`${target} ${sender} SIGUSR1 delivered`]: 20 + 5 + 4,
  [`${target} ${sender} SIGUSR2 delivered`]: 1,
  [`${target} ${sender} SIGUSR2 already_pending`]: 5,
  [`${target} ${sender} SIGWINCH ignored`]: 7,
  [`${target} ${sender} SIGKILL delivered`]: 1,
  // By the kernel: a timer, a fault, and the ends of both children, of which the parent wants to know nothing.
  [`${target}  SIGALRM delivered`]: 3,
  [`${fault}  SIGSEGV delivered`]: 1,
  [`${sender}  SIGCHLD ignored`]: 2,
};

/** What is counted of all, by what the fields say. */
function counted(all: readonly (readonly [fields: Readonly<Record<string, unknown>>, count: number])[]) {
  const counts: Record<string, number> = {};
  for (const [{ comm, sender: by, posix_signal: number, outcome }, count] of all) {
    if ([sender, target, fault].includes(String(comm))) {
      const key = [comm, by, number, outcome].join(" ");
      counts[key] = (counts[key] ?? 0) + count;
    }
  }
  return counts;
}

it("counts each POSIX signal by its receiver, its sender and its outcome; trace shows each", async (t) => {
  const program = compileProgram("rt-kill", source);
  const [agent, trace] = await Promise.all([
    // Beside what reads the files of this checkout: what all signals of ringtap/bpf need.
    startAgent(t, ["--signals=kill", ...unlimitedSeries], {
      prefix: ["setpriv", "--reuid=65534", "--clear-groups", ...onlyCapabilities("dac_read_search", "bpf", "perfmon")],
    }),
    startTrace(t, ["kill", "--output=json"]),
  ]);
  const [senderId, targetId] = (await runProgram(program)).stdout.trim().split(" ").map(Number);
  const samples = await agent.scrape();
  assert.deepEqual(counted(labelled(samples, "ringtap_kill_signals_total")), sent);
  await eventually(() => {
    assert.deepEqual(counted(trace.events().map((event) => [event, 1])), sent);
  });
  const kills = trace.events().filter(({ comm, posix_signal: number }) => comm === target && number === "SIGKILL");
  assert.deepEqual(
    kills.map(({ pid, sender_pid: by }) => [pid, by]),
    [[targetId, senderId]],
  );
  const timers = trace.events().filter(({ comm, posix_signal: number }) => comm === target && number === "SIGALRM");
  assert.deepEqual([...new Set(timers.map(({ sender_pid: by }) => by))], [0]);
});
