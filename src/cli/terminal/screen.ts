/** A whole terminal as a canvas of lines: what has changed is written, and what was there before comes back at the end. */
import { writeSync } from "node:fs";
import type { WriteStream } from "node:tty";

const enter = "\u001b[?1049h\u001b[?25l";
const leave = "\u001b[0m\u001b[?25h\u001b[?1049l";
/** Terminals that know synchronized updates show all between these two at once; others ignore them. */
const beginUpdate = "\u001b[?2026h";
const endUpdate = "\u001b[?2026l";
const clear = "\u001b[2J";
const clearRest = "\u001b[K";

/** A stream that is a terminal, such as stdout. */
type Terminal = WriteStream & { readonly fd: number };

/** The lines of a terminal, drawn over what was there. */
export class Screen {
  readonly #stream: Terminal;
  #shown: readonly string[] = [];
  #isOpen = false;

  constructor(stream: Terminal) {
    this.#stream = stream;
  }

  get columns(): number {
    return this.#stream.columns;
  }

  get rows(): number {
    return this.#stream.rows;
  }

  /** Takes the terminal, or takes it back; until {@link close}, or the end of the process however it comes, but for SIGKILL. */
  open(): void {
    if (!this.#isOpen) {
      this.#isOpen = true;
      process.on("exit", this.close);
    }
    this.#stream.write(enter);
    this.invalidate();
  }

  /** Writes the lines that differ from those that are there. Each must fit into one line of the terminal. */
  draw(lines: readonly string[]): void {
    const count = Math.max(lines.length, this.#shown.length);
    let changes = "";
    for (let row = 0; row < count; row++) {
      const line = lines[row] ?? "";
      if (line !== (this.#shown[row] ?? "")) {
        changes += `\u001b[${row + 1};1H${line}${clearRest}`;
      }
    }
    this.#shown = lines;
    if (changes !== "") {
      this.#stream.write(beginUpdate + changes + endUpdate);
    }
  }

  /** Makes the next update draw every line: the terminal has another size, or another program has written to it. */
  invalidate(): void {
    this.#shown = [];
    this.#stream.write(clear);
  }

  /** Gives the terminal back, as it was. */
  readonly close = (): void => {
    if (!this.#isOpen) {
      return;
    }
    this.#isOpen = false;
    process.off("exit", this.close);
    try {
      writeSync(this.#stream.fd, leave);
    } catch {
      return; // It has gone.
    }
  };
}
