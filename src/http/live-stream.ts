/** Server-sent events for those who look at the page: one look a second for all of them, within limits. */
import type { ServerResponse } from "node:http";
import { type Handler, sendText } from "./answer.js";

/** A server-sent event: its name, and its data in one line. */
interface Message {
  readonly event: string;
  readonly data: string;
}

/** What there is to see. */
export interface LiveSource {
  /** Looks once, for all who watch: what has changed for those who saw the last one, everything for the others. */
  look(): Promise<{ readonly changes: Message; whole(): Message }>;
  /** What one viewer gets besides, by the query of its request. Throws a RangeError for one that makes no sense. */
  open(query: URLSearchParams): { take(looked: boolean): readonly Message[]; close(): void };
  /** Nobody has watched for a while. */
  rest(): void;
}

export interface LiveStreamOptions {
  readonly source: LiveSource;
  /** Viewers at once; default 16. */
  readonly maxViewers?: number;
  /** Milliseconds between two looks; default 1000. */
  readonly interval?: number;
  /** Milliseconds without a viewer until the source rests; default 5000. A page that asks for something else goes and comes again. */
  readonly patience?: number;
  /** Another object once the web configuration has changed: viewers have to come, and say who they are, again. */
  readonly inForce?: (() => unknown) | undefined;
  /** Told why a look failed. */
  readonly onError: (error: unknown) => void;
}

/** How much is being watched. */
export interface LiveStreamStatus {
  readonly viewers: number;
  /** Since the start: frames that were sent, that a slow viewer missed, and viewers that found no place. */
  readonly frames: number;
  readonly framesDropped: number;
  readonly refused: number;
}

/** Bytes that may wait for a viewer before it misses frames. */
const mostWaiting = 2 ** 20;

/** What one viewer asks for is looked at so many times between two looks. */
const turns = 4;

interface Viewer {
  readonly response: ServerResponse;
  readonly personal: ReturnType<LiveSource["open"]>;
  readonly admittedBy: unknown;
  /** Has it seen the last look? */
  isCurrent: boolean;
}

function write(response: ServerResponse, { event, data }: Message): void {
  response.write(`event: ${event}\ndata: ${data}\n\n`);
}

export interface LiveStream {
  /** Answers one viewer, until it goes. */
  readonly handle: Handler;
  readonly status: () => LiveStreamStatus;
}

/** Makes a stream. Looks are taken while there are viewers. */
export function createLiveStream(options: LiveStreamOptions): LiveStream {
  const { source, maxViewers = 16, interval = 1000, patience = 5000, inForce, onError } = options;
  const viewers = new Set<Viewer>();
  let timer: NodeJS.Timeout | undefined;
  let resting: NodeJS.Timeout | undefined;
  let turn = 0;
  let isLooking = false;
  let frames = 0;
  let framesDropped = 0;
  let refused = 0;

  async function look(): Promise<void> {
    const seen = await source.look();
    let whole: Message | undefined;
    for (const viewer of viewers) {
      if (viewer.response.writableLength > mostWaiting) {
        framesDropped++;
        viewer.isCurrent = false;
        continue;
      }
      write(viewer.response, viewer.isCurrent ? seen.changes : (whole ??= seen.whole()));
      viewer.isCurrent = true;
      frames++;
    }
  }

  function tell(looked: boolean): void {
    for (const { response, personal } of viewers) {
      const messages = personal.take(looked);
      if (response.writableLength <= mostWaiting) {
        for (const message of messages) {
          write(response, message);
        }
      }
    }
  }

  function dismissStrangers(): void {
    const current = inForce?.();
    for (const { response, admittedBy } of viewers) {
      if (admittedBy !== current) {
        response.end();
      }
    }
  }

  async function tick(): Promise<void> {
    if (isLooking) {
      return;
    }
    const looks = turn++ % turns === 0;
    isLooking = true;
    try {
      dismissStrangers();
      if (looks) {
        await look();
      }
      tell(looks);
    } catch (error) {
      onError(error);
    } finally {
      isLooking = false;
    }
  }

  /** Rests once nobody has come meanwhile, and no look is under way that would wake the source again. */
  function restLater(): void {
    resting = setTimeout(() => {
      if (isLooking) {
        restLater();
      } else {
        source.rest();
      }
    }, patience).unref();
  }

  function leave(viewer: Viewer): void {
    viewers.delete(viewer);
    viewer.personal.close();
    if (viewers.size === 0) {
      clearInterval(timer);
      timer = undefined;
      restLater();
    }
  }

  function enter(viewer: Viewer): void {
    viewers.add(viewer);
    clearTimeout(resting);
    viewer.response.once("close", () => {
      leave(viewer);
    });
    // Who comes sees something at once.
    turn = 0;
    timer ??= setInterval(() => void tick(), interval / turns);
    void tick();
  }

  const handle: Handler = (request, response) => {
    const { searchParams } = new URL(request.url ?? "/", "http://localhost");
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
    const headers = { "Content-Type": "text/event-stream", "Cache-Control": "no-store" };
    if (request.method === "HEAD") {
      response.writeHead(200, headers).end();
      return;
    }
    let personal: Viewer["personal"];
    try {
      personal = source.open(searchParams);
    } catch (error) {
      sendText(request, response, 400, error instanceof Error ? error.message : String(error));
      return;
    }
    response.writeHead(200, { ...headers, "X-Content-Type-Options": "nosniff" });
    enter({ response, personal, admittedBy: inForce?.(), isCurrent: false });
  };

  return { handle, status: () => ({ viewers: viewers.size, frames, framesDropped, refused }) };
}
