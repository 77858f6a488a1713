/**
 * Streams that several pages share. A browser opens six connections to a server that speaks HTTP/1.1, for all its tabs together: a
 * seventh page with a stream of its own would never load.
 */
import { AgentStream, type StreamMessage } from "./agent-stream.js";
import { LastFrame } from "./rows.js";

/** What a page says to the hub. */
export type PageMessage =
  /** It wants this stream from now on. */
  | { readonly type: "want"; readonly query: string }
  /** It wants none for now. */
  | { readonly type: "leave" }
  /** It has taken one message. */
  | { readonly type: "taken" };

/** Streams at once, for pages that want different events; two connections remain for loading pages. */
const mostStreams = 4;

/** Messages that a page may leave untaken: one that has crashed, or stands in a debugger, gets none until it goes on. */
const mostUntaken = 32;

/** How long a stream stays for which there is no page, milliseconds: the next one may be about to be shown. */
const lingerMs = 1000;

/** A page that has connected. */
interface Page {
  readonly port: MessagePort;
  /** What it wants; undefined while it wants nothing. */
  query: string | undefined;
  stream: SharedStream | undefined;
  /** Does it have the last frame? */
  isCurrent: boolean;
  untaken: number;
}

function send(page: Page, message: StreamMessage): void {
  page.untaken++;
  page.port.postMessage(message);
}

/** One stream, for all pages that want the same. */
class SharedStream {
  readonly pages = new Set<Page>();
  readonly #onUnused: () => void;
  readonly #stream: AgentStream;
  readonly #lastFrame = new LastFrame();
  #problem = "";
  #linger: ReturnType<typeof setTimeout> | undefined;

  /** Calls `onUnused` when it has had no page for a while. */
  constructor(query: string, onUnused: () => void) {
    this.#onUnused = onUnused;
    this.#stream = new AgentStream(query, (message) => {
      this.#take(message);
    });
  }

  add(page: Page): void {
    clearTimeout(this.#linger);
    this.pages.add(page);
    page.stream = this;
    page.isCurrent = false;
    if (this.#problem !== "") {
      send(page, { type: "lost", data: this.#problem });
    }
    this.#sendWhole(page);
  }

  remove(page: Page): void {
    this.pages.delete(page);
    page.stream = undefined;
    if (this.pages.size === 0) {
      this.#linger = setTimeout(this.#onUnused, lingerMs);
    }
  }

  close(): void {
    clearTimeout(this.#linger);
    this.#stream.close();
  }

  #sendWhole(page: Page): void {
    const data = this.#lastFrame.whole();
    if (data !== undefined) {
      send(page, { type: "frame", data });
      page.isCurrent = true;
    }
  }

  #take(message: StreamMessage): void {
    if (message.type === "frame") {
      this.#lastFrame.take(message.data);
    }
    this.#problem = message.type === "lost" ? message.data : "";
    for (const page of this.pages) {
      if (page.untaken >= mostUntaken) {
        this.remove(page);
      } else if (message.type === "frame" && !page.isCurrent) {
        this.#sendWhole(page);
      } else {
        send(page, message);
      }
    }
  }
}

/** Connects pages to the streams that they want, each opened once. */
export class Hub {
  readonly #streams = new Map<string, SharedStream>();
  /** Those for which there are too many streams. */
  readonly #waiting = new Set<Page>();

  /** Serves a page through a port. */
  connect(port: MessagePort): void {
    const page: Page = { port, query: undefined, stream: undefined, isCurrent: false, untaken: 0 };
    port.addEventListener("message", ({ data }: MessageEvent<PageMessage>) => {
      if (data.type === "taken") {
        page.untaken--;
        this.#comeBack(page);
      } else {
        this.#want(page, data.type === "want" ? data.query : undefined);
      }
    });
    port.start();
  }

  #want(page: Page, query: string | undefined): void {
    const { stream: before } = page;
    if (before !== undefined && page.query === query) {
      return;
    }
    before?.remove(page);
    this.#waiting.delete(page);
    page.query = query;
    if (query === undefined) {
      return;
    }
    if (before?.pages.size === 0) {
      // It has chosen other events, and no other page wants those of before.
      this.#closeUnused();
    }
    this.#join(page, query);
  }

  /** Lets a page in again that had left too many messages untaken. */
  #comeBack(page: Page): void {
    if (page.query !== undefined && page.stream === undefined && page.untaken === 0 && !this.#waiting.has(page)) {
      this.#join(page, page.query);
    }
  }

  #join(page: Page, query: string): void {
    let stream = this.#streams.get(query);
    if (stream === undefined) {
      if (this.#streams.size >= mostStreams) {
        this.#closeUnused();
      }
      if (this.#streams.size >= mostStreams) {
        this.#waiting.add(page);
        send(page, { type: "lost", data: `${mostStreams} pages with other filters are open in this browser` });
        return;
      }
      stream = new SharedStream(query, () => {
        this.#closeUnused();
      });
      this.#streams.set(query, stream);
    }
    stream.add(page);
  }

  /** Closes streams without a page, then lets those in that wait. */
  #closeUnused(): void {
    for (const [query, stream] of this.#streams) {
      if (stream.pages.size === 0) {
        stream.close();
        this.#streams.delete(query);
      }
    }
    for (const page of this.#waiting) {
      if (this.#streams.size < mostStreams && page.query !== undefined) {
        this.#waiting.delete(page);
        this.#join(page, page.query);
      }
    }
  }
}
