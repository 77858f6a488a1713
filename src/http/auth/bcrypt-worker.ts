/** Compares one password with one hash, in a thread of its own: that takes a tenth of a second of CPU and more. */
import { parentPort, workerData } from "node:worker_threads";
import { compareSync } from "bcryptjs";

/** What the thread is started with. */
export interface Comparison {
  readonly password: string;
  readonly hash: string;
}

const { password, hash } = workerData as Comparison;
parentPort?.postMessage(compareSync(password, hash));
