/** The stream from the agent, which comes back by itself. */
import type { BreakdownFrame, Frame, TailFrame } from "../src/views/protocol.js";

/** What a page asks for beside the frames. */
export type Wishes = Readonly<Record<string, string>>;

export interface Listeners {
  frame(frame: Frame): void;
  tail(tail: TailFrame): void;
  breakdowns(breakdowns: BreakdownFrame): void;
  /** The connection is there, or not, and why. */
  state(isOpen: boolean, problem: string): void;
}

/** Until the next attempt after a refusal, milliseconds; the browser itself connects again after a break. */
const retryMs = 3000;

/** Follows the agent, anew at each change of the wishes. */
export class Stream {
  readonly #listeners: Listeners;
  #source: EventSource | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #query = "";

  constructor(listeners: Listeners) {
    this.#listeners = listeners;
  }

  /** Asks for this from now on. */
  want(wishes: Wishes): void {
    const query = new URLSearchParams(wishes).toString();
    if (this.#source === undefined || query !== this.#query) {
      this.#query = query;
      this.#open();
    }
  }

  #open(): void {
    clearTimeout(this.#retry);
    this.#source?.close();
    const url = `api/live?${this.#query}`;
    const source = new EventSource(url);
    this.#source = source;
    const on = (event: string, take: (data: unknown) => void): void => {
      source.addEventListener(event, ({ data }: MessageEvent<string>) => {
        take(JSON.parse(data));
      });
    };
    on("frame", (frame) => {
      this.#listeners.state(true, "");
      this.#listeners.frame(frame as Frame);
    });
    on("tail", (tail) => {
      this.#listeners.tail(tail as TailFrame);
    });
    on("breakdown", (breakdowns) => {
      this.#listeners.breakdowns(breakdowns as BreakdownFrame);
    });
    source.addEventListener("error", () => {
      const isRefused = source.readyState === EventSource.CLOSED;
      this.#listeners.state(false, isRefused ? "refused by the agent" : "connection lost");
      if (isRefused) {
        this.#retry = setTimeout(() => {
          this.#open();
        }, retryMs);
      }
    });
  }
}
