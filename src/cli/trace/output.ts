/** Lines on stdout, for a reader who may be slow or gone. */
import type { Writable } from "node:stream";

/** Bytes that may wait for the reader: enough for what arrives between two turns of the event loop. */
const mostWaiting = 2 ** 20;

/** Characters collected before they are handed to the stream. */
const chunkLength = 2 ** 14;

/** Writes lines, or counts those dropped because the reader is too slow. */
export class LineOutput {
  /** Lines dropped because the reader is too slow. */
  dropped = 0;
  /** Resolves when the reader has gone or the disk is full, with the stream's error. */
  readonly failed: Promise<NodeJS.ErrnoException>;
  readonly #stream: Writable;
  #chunk = "";
  #chunkLines = 0;
  #waiting = 0;

  constructor(stream: Writable) {
    this.#stream = stream;
    this.failed = new Promise((resolve) => {
      stream.on("error", resolve);
    });
  }

  /** Accepted lines that have not yet been written to the file descriptor. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Can a line be accepted? If not, it counts as dropped. */
  hasRoom(): boolean {
    if (this.#stream.writableLength < mostWaiting) {
      return true;
    }
    this.dropped++;
    return false;
  }

  /** Accepts a line, its newline included. */
  line(text: string): void {
    this.#waiting++;
    this.#chunk += text;
    this.#chunkLines++;
    if (this.#chunk.length >= chunkLength) {
      this.flush();
    }
  }

  /** Hands all lines to the stream. */
  flush(): void {
    if (this.#chunkLines === 0) {
      return;
    }
    const lines = this.#chunkLines;
    this.#stream.write(this.#chunk, (error) => {
      if (!error) {
        this.#waiting -= lines;
      }
    });
    this.#chunk = "";
    this.#chunkLines = 0;
  }

  /** Resolves when all lines have been written to the file descriptor; never when {@link failed} does. */
  async delivered(): Promise<void> {
    this.flush();
    await new Promise<void>((resolve) => {
      this.#stream.write("", (error) => {
        if (!error) {
          resolve();
        }
      });
    });
  }
}
