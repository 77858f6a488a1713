/** One connection to the agent's event stream, which comes back by itself. */
import type { BreakdownFrame, Frame, TailFrame } from "../src/views/protocol.js";

/** What comes: an event of the agent by its name, or the reason why nothing comes. */
export type StreamMessage =
  | { readonly type: "frame"; readonly data: Frame }
  | { readonly type: "tail"; readonly data: TailFrame }
  | { readonly type: "breakdown"; readonly data: BreakdownFrame }
  | { readonly type: "lost"; readonly data: string };

/** Until the next attempt after a refusal, milliseconds; the browser itself connects again after a break. */
const retryMs = 3000;

/** Relative to this module, below whatever path a proxy serves the page. */
const address = new URL("../../api/live", import.meta.url);

/** Follows the agent until it is closed; a page opens it, or the worker that pages share. */
export class AgentStream {
  readonly #url: string;
  readonly #onMessage: (message: StreamMessage) => void;
  #source: EventSource;
  #retry: ReturnType<typeof setTimeout> | undefined;

  /** `query` is what to ask for beside the frames. */
  constructor(query: string, onMessage: (message: StreamMessage) => void) {
    this.#url = `${address.href}?${query}`;
    this.#onMessage = onMessage;
    this.#source = this.#open();
  }

  close(): void {
    clearTimeout(this.#retry);
    this.#source.close();
  }

  #open(): EventSource {
    const source = new EventSource(this.#url);
    for (const type of ["frame", "tail", "breakdown"] as const) {
      source.addEventListener(type, ({ data }: MessageEvent<string>) => {
        this.#onMessage({ type, data: JSON.parse(data) as unknown } as StreamMessage);
      });
    }
    source.addEventListener("error", () => {
      const isRefused = source.readyState === EventSource.CLOSED;
      this.#onMessage({ type: "lost", data: isRefused ? "refused by the agent" : "connection lost" });
      if (isRefused) {
        this.#retry = setTimeout(() => {
          this.#source = this.#open();
        }, retryMs);
      }
    });
    return source;
  }
}
