/** The filter of the page: words that must all be found in a process's labels, each perhaps with a label's name before it. */
import type { ProcessTotals, TraceEvent } from "../src/views/protocol.js";

/** One word: `nginx`, `pid:4242`, `container:web`. */
interface Word {
  readonly label: string | undefined;
  readonly text: string;
}

export class Filter {
  readonly text: string;
  readonly #words: readonly Word[];

  constructor(text: string) {
    this.text = text;
    this.#words = text
      .split(/\s+/)
      .filter((word) => word !== "")
      .map((word) => {
        const [, label, rest = ""] = /^([a-z_]+):(.*)$/.exec(word) ?? [];
        return label === undefined ? { label, text: word } : { label, text: rest };
      });
  }

  get isEmpty(): boolean {
    return this.#words.length === 0;
  }

  /** Do labels fulfil it? A pid is compared as a whole, everything else in parts. */
  matches(labels: Readonly<Record<string, string>>): boolean {
    return this.#words.every(({ label, text }) => {
      const names = label === undefined ? Object.keys(labels) : [label];
      return names.some((name) => {
        const value = labels[name] ?? "";
        return name === "pid" ? value === text : value.includes(text);
      });
    });
  }

  /** Does an event fulfil it? Labels that events lack are those of their process. */
  matchesEvent(event: TraceEvent, processes: readonly { readonly row: ProcessTotals }[]): boolean {
    const own = { pid: `${event.pid ?? ""}`, comm: event.comm ?? "" };
    return (
      this.isEmpty ||
      this.matches(own) ||
      processes.some(({ row }) => row.labels.pid === own.pid && this.matches({ ...row.labels, ...own }))
    );
  }

  /** What of it the agent can go by: a pid, or a part of the comm. */
  get forAgent(): Readonly<Record<string, string>> {
    const [word] = this.#words;
    if (word === undefined || this.#words.length > 1) {
      return {};
    }
    const { label, text } = word;
    return label === "pid" && /^\d{1,10}$/.test(text) ? { pid: text } : label === "comm" ? { comm: text } : {};
  }
}
