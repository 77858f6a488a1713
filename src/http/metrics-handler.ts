/** Answers `/metrics`: in the format, the coding and the time that the scraper asks for. */
import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Handler, sendText } from "./handler.js";
import type { Format } from "../exposition/formats.js";
import { acceptsGzip, chooseFormat } from "../exposition/negotiation.js";
import { createRenderQueue } from "../exposition/render-queue.js";

/** A response should be sent so long before the scraper's timeout, or a tenth of that timeout if this is less. */
const marginSeconds = 0.5;

/** setTimeout takes no longer ones. */
const longestTimer = 2 ** 31 - 1;

/** How long the scraper will wait, seconds; undefined when it does not say. */
function scrapeTimeout(request: IncomingMessage): number | undefined {
  const seconds = Number(request.headers["x-prometheus-scrape-timeout-seconds"] ?? NaN);
  return seconds > 0 && seconds * 1000 <= longestTimer ? seconds : undefined;
}

/** What `work` comes to; undefined when that takes longer than the scraper waits. */
async function inTime<T>(work: Promise<T>, timeout: number | undefined): Promise<T | undefined> {
  if (timeout === undefined) {
    return work;
  }
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<undefined>((resolve) => {
    const seconds = timeout - Math.min(marginSeconds, timeout / 10);
    timer = setTimeout(resolve, seconds * 1000, undefined);
  });
  try {
    return await Promise.race([work, expired]);
  } finally {
    clearTimeout(timer);
  }
}

/** `responseTimeout` is for the body to be read, milliseconds. */
export function metricsHandler(render: (format: Format) => AsyncIterable<Buffer>, responseTimeout: number): Handler {
  const scrape = createRenderQueue(render);

  async function body(format: Format, compressed: boolean): Promise<readonly Buffer[]> {
    const { plain, gzipped } = await scrape(format);
    return compressed ? gzipped() : plain;
  }

  return async (request, response) => {
    const { format, contentType } = chooseFormat(request.headers.accept);
    const compressed = acceptsGzip(request.headers["accept-encoding"]);
    response.setHeader("Vary", "Accept, Accept-Encoding");
    const timeout = scrapeTimeout(request);
    // A HEAD gets no numbers, so it must not count as a scrape.
    const pieces = request.method === "HEAD" ? [] : await inTime(body(format, compressed), timeout);
    if (pieces === undefined) {
      sendText(request, response, 503, `writing the metrics takes longer than the scrape timeout of ${timeout ?? 0} s`);
      return;
    }
    response.setHeader("Content-Type", contentType);
    if (compressed) {
      response.setHeader("Content-Encoding", "gzip");
    }
    if (request.method === "HEAD") {
      response.end();
      return;
    }
    response.setHeader(
      "Content-Length",
      pieces.reduce((length, piece) => length + piece.length, 0),
    );
    // A scraper that disconnects half-way, or is too slow, is not an error of the agent.
    const signal = AbortSignal.timeout(responseTimeout);
    await pipeline(Readable.from(pieces), response, { signal }).catch(() => undefined);
  };
}
