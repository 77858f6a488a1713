/**
 * Gives everything up while other threads start threads, and prints how many threads it has then and how many of them have
 * capabilities left. For capabilities.test.ts: it changes the whole process.
 */
import { once } from "node:events";
import { Worker } from "node:worker_threads";

import { native } from "../../../src/binding/native.js";
import { capabilitySet, privilegesOfThreads } from "../support/threads.js";

/** A worker that says when it runs; as many as `depth` start in each other. */
const source = `
  const { parentPort, workerData: { depth, source }, Worker } = require("node:worker_threads");
  if (depth > 1) {
    new Worker(source, { eval: true, workerData: { depth: depth - 1, source } })
      .on("message", (message) => parentPort.postMessage(message));
  }
  parentPort.postMessage(depth);
  setInterval(() => undefined, 1000);
`;

function start(depth: number): Promise<void> {
  const worker = new Worker(source, { eval: true, workerData: { depth, source } });
  return new Promise((resolve) => {
    worker.on("message", (reached: number) => {
      if (reached === 1) {
        resolve();
      }
    });
  });
}

const first = new Worker(source, { eval: true, workerData: { depth: 1, source } });
await once(first, "message");
const chains = [4, 4, 4, 4].map(start);
native.dropCapabilities(0, 0);
await Promise.all(chains);
await start(1);
const none = capabilitySet();
const threads = [...privilegesOfThreads("self").values()];
const privileged = threads.filter(
  ({ permitted, effective, bounding, noNewPrivileges }) =>
    permitted !== none || effective !== none || bounding !== none || !noNewPrivileges,
);
process.stdout.write(JSON.stringify({ threads: threads.length, privileged: privileged.length }));
process.exit();
