/** A child process that answers each line with a line: a peer that keeps what it has learnt between rounds. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface, type Interface } from "node:readline";

/** Its stderr is shown. */
export class LineProgram {
  readonly #child: ChildProcess;
  readonly #answers: Interface;
  readonly #ended: Promise<string>;

  constructor(path: string, args: readonly string[]) {
    const child = spawn(path, args, { stdio: ["pipe", "pipe", "inherit"] });
    this.#child = child;
    this.#answers = createInterface(child.stdout);
    this.#ended = new Promise((resolve) => {
      child.once("error", (error) => resolve(error.message));
      child.once("exit", (status, signal) => resolve(`${path} ended with ${signal ?? `status ${status}`}`));
    });
  }

  /** Sends a line and returns the next answer. Throws when the program ends instead. */
  async ask(line: string): Promise<string> {
    const waiting = new AbortController();
    const answer = once(this.#answers, "line", { signal: waiting.signal }) as Promise<[string]>;
    const failure = this.#ended.then((how): never => {
      throw new Error(`asked ${JSON.stringify(line)}: ${how}`);
    });
    this.#child.stdin?.write(`${line}\n`);
    try {
      const [text] = await Promise.race([answer, failure]);
      return text;
    } finally {
      waiting.abort();
    }
  }

  /** Closes its stdin and waits for its end. */
  async close(): Promise<void> {
    this.#child.stdin?.end();
    await this.#ended;
  }
}
