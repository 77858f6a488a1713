/** A limit for code that does not return: JavaScript cannot end what runs in its own thread, but another thread can. */
import { Worker } from "node:worker_threads";

/** Between two turns of the event loop that the other thread is told of, milliseconds. */
const beatMs = 1000;

/** What both threads share: a number that changes with each beat, the last of which is -1; and whether something has been ended. */
const [beat, ended] = [0, 1];

/** Ends what the main thread runs once it has not come to a beat for too long, as a debugger would. */
const watch = `
const { Session } = require("node:inspector");
const { shared, timeoutMs } = require("node:worker_threads").workerData;
for (let last = 0; last !== -1; last = Atomics.load(shared, ${beat})) {
  if (Atomics.wait(shared, ${beat}, last, timeoutMs) === "timed-out") {
    Atomics.store(shared, ${ended}, 1);
    const session = new Session();
    session.connectToMainThread();
    session.post("Runtime.terminateExecution");
    break;
  }
}`;

/** Ends what the main thread runs where it does not return within so many milliseconds, until it is closed. */
export class RunLimit {
  readonly #shared = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
  readonly #beats: NodeJS.Timeout;

  constructor(timeoutMs: number) {
    const worker = new Worker(watch, { eval: true, workerData: { shared: this.#shared, timeoutMs } });
    worker.unref();
    // Without a thread there is no limit, and all else goes on.
    worker.on("error", () => undefined);
    let beats = 0;
    this.#beats = setInterval(() => {
      this.#tell(++beats);
    }, beatMs);
    this.#beats.unref();
  }

  #tell(number: number): void {
    Atomics.store(this.#shared, beat, number);
    Atomics.notify(this.#shared, beat);
  }

  /** Has it ended something? */
  get hasEnded(): boolean {
    return Atomics.load(this.#shared, ended) === 1;
  }

  close(): void {
    clearInterval(this.#beats);
    this.#tell(-1);
  }
}
