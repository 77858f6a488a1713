/** Server-sent events for open pages: one frame a second, made once for all of them, within limits. */
import type { ServerResponse } from "node:http";
import { type Handler, sendText } from "./handler.js";
import { requestTarget } from "./request-target.js";

/** A server-sent event: its name, and its data in one line. */
interface Message {
  readonly event: string;
  readonly data: string;
}

/** Where the messages come from. */
export interface EventStreamSource {
  /** Makes a frame for all viewers: what has changed, for those that have the last one, and everything, for the others. */
  nextFrame(): Promise<{ readonly changes: Message; whole(): Message }>;
  /** What one viewer gets in addition, by the query of its request. Throws a RangeError for a query that is not valid. */
  open(query: URLSearchParams): { take(hasFrame: boolean): readonly Message[]; close(): void };
  /** Called when there has been no viewer for a while. */
  idle(): void;
}

export interface EventStreamOptions {
  readonly source: EventStreamSource;
  /** Viewers at once; default 16. */
  readonly maxViewers?: number;
  /** Milliseconds between two frames; default 1000. */
  readonly interval?: number;
  /** Milliseconds without a viewer until the source counts as idle; default 5000. A page that wants other data reconnects. */
  readonly idleTimeout?: number;
  /** Returns another object once the web configuration has changed: viewers then have to reconnect and authenticate again. */
  readonly currentConfig?: (() => unknown) | undefined;
  /** Called with the reason when a frame could not be made. */
  readonly onError: (error: unknown) => void;
}

/** How much is being watched. */
export interface EventStreamStatus {
  readonly viewers: number;
  /** Since the start: frames that were sent, frames that a slow viewer missed, and viewers refused because of the limit. */
  readonly frames: number;
  readonly framesDropped: number;
  readonly refused: number;
}

/** Bytes that may be queued for a viewer before it misses frames. */
const maxQueuedBytes = 2 ** 20;

/** What single viewers get is sent so many times as often as frames. */
const turnsPerFrame = 4;

interface Viewer {
  readonly response: ServerResponse;
  readonly personal: ReturnType<EventStreamSource["open"]>;
  readonly admittedBy: unknown;
  /** Does it have the last frame? */
  isCurrent: boolean;
}

function write(response: ServerResponse, { event, data }: Message): void {
  response.write(`event: ${event}\ndata: ${data}\n\n`);
}

export interface EventStream {
  /** Answers one viewer, until it disconnects. */
  readonly handle: Handler;
  readonly status: () => EventStreamStatus;
}

/** Makes a stream. Frames are made only while there are viewers. */
export function createEventStream(options: EventStreamOptions): EventStream {
  const { source, maxViewers = 16, interval = 1000, idleTimeout = 5000, currentConfig, onError } = options;
  const viewers = new Set<Viewer>();
  let timer: NodeJS.Timeout | undefined;
  let idleTimer: NodeJS.Timeout | undefined;
  let turn = 0;
  let isBusy = false;
  let frames = 0;
  let framesDropped = 0;
  let refused = 0;

  async function sendFrame(): Promise<void> {
    const frame = await source.nextFrame();
    let whole: Message | undefined;
    for (const viewer of viewers) {
      if (viewer.response.writableLength > maxQueuedBytes) {
        framesDropped++;
        viewer.isCurrent = false;
        continue;
      }
      write(viewer.response, viewer.isCurrent ? frame.changes : (whole ??= frame.whole()));
      viewer.isCurrent = true;
      frames++;
    }
  }

  function sendPersonal(hasFrame: boolean): void {
    for (const { response, personal } of viewers) {
      const messages = personal.take(hasFrame);
      if (response.writableLength <= maxQueuedBytes) {
        for (const message of messages) {
          write(response, message);
        }
      }
    }
  }

  function closeUnauthenticated(): void {
    const current = currentConfig?.();
    for (const { response, admittedBy } of viewers) {
      if (admittedBy !== current) {
        response.end();
      }
    }
  }

  async function tick(): Promise<void> {
    if (isBusy) {
      return;
    }
    const hasFrame = turn++ % turnsPerFrame === 0;
    isBusy = true;
    try {
      closeUnauthenticated();
      if (hasFrame) {
        await sendFrame();
      }
      sendPersonal(hasFrame);
    } catch (error) {
      onError(error);
    } finally {
      isBusy = false;
    }
  }

  /** Says that the source is idle once no viewer has come meanwhile, and no frame is being made that would wake it again. */
  function idleLater(): void {
    idleTimer = setTimeout(() => {
      if (isBusy) {
        idleLater();
      } else {
        source.idle();
      }
    }, idleTimeout).unref();
  }

  function leave(viewer: Viewer): void {
    viewers.delete(viewer);
    viewer.personal.close();
    if (viewers.size === 0) {
      clearInterval(timer);
      timer = undefined;
      idleLater();
    }
  }

  function enter(viewer: Viewer): void {
    viewers.add(viewer);
    clearTimeout(idleTimer);
    viewer.response.once("close", () => {
      leave(viewer);
    });
    // A new viewer gets a frame at once.
    turn = 0;
    timer ??= setInterval(() => void tick(), interval / turnsPerFrame);
    void tick();
  }

  const handle: Handler = (request, response) => {
    if (viewers.size >= maxViewers) {
      refused++;
      response.setHeader("Retry-After", "5");
      sendText(
        request,
        response,
        503,
        `${maxViewers} pages are open, which is the limit: close one, or try again later`,
      );
      return;
    }
    const headers = {
      "Content-Type": "text/event-stream",
      "Cache-Control": "no-store",
      // nginx and those like it would hold back what is smaller than their buffers.
      "X-Accel-Buffering": "no",
    };
    if (request.method === "HEAD") {
      response.writeHead(200, headers).end();
      return;
    }
    let personal: Viewer["personal"];
    try {
      personal = source.open(requestTarget(request).query);
    } catch (error) {
      sendText(request, response, 400, error instanceof Error ? error.message : String(error));
      return;
    }
    response.writeHead(200, { ...headers, "X-Content-Type-Options": "nosniff" });
    enter({ response, personal, admittedBy: currentConfig?.(), isCurrent: false });
  };

  return { handle, status: () => ({ viewers: viewers.size, frames, framesDropped, refused }) };
}
