/** A worker that uses the addon in one of several ways until its test is done with it. */
import { parentPort, workerData } from "node:worker_threads";

import { native } from "../../../src/binding/native.js";

export interface Job {
  readonly fixture: string;
  readonly pid: number;
  readonly nr: number;
  readonly mode: "drain" | "spin in the callback" | "idle" | "throw" | "end" | "fail";
}

const job = workerData as Job;
const object = native.open(job.fixture);
object.setConstant("target_pid", job.pid);
object.setConstant("target_nr", job.nr);
object.load();
const ring = object.ring("events");
object.attach("on_enter");

/** Reads every byte of a batch, as a signal would, and gives it back. */
function drain(): number {
  const count = ring.peek();
  let sum = 0;
  for (let i = 0; i < count; i++) {
    for (const byte of new Uint8Array(ring.data, ring.index[2 * i], ring.index[2 * i + 1])) {
      sum += byte;
    }
  }
  ring.release();
  return sum;
}

let turns = 0;
ring.watch(() => {
  if (job.mode === "throw") {
    drain();
    throw new Error("thrown by onReady");
  }
  drain();
  while (job.mode === "spin in the callback") {
    drain();
    if (turns++ === 0) {
      parentPort?.postMessage("busy");
    }
  }
});

if (job.mode === "fail") {
  try {
    native.open("/nonexistent/worker.bpf.o");
  } catch (error) {
    parentPort?.postMessage(error instanceof Error ? error.message : "");
  }
} else if (job.mode !== "end") {
  parentPort?.on("message", () => undefined);
  parentPort?.postMessage("ready");
}
while (job.mode === "drain") {
  drain();
}
