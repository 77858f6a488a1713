/** Renders that several scrapers share: one at a time, and its compressed form made once. */
import { Readable } from "node:stream";
import { constants, createGzip } from "node:zlib";
import type { Format } from "./formats.js";

/** A finished body, in pieces. */
export interface Scrape {
  readonly plain: readonly Buffer[];
  /** The same compressed, worked out once, outside the main thread. */
  gzipped: () => Promise<readonly Buffer[]>;
}

async function compress(pieces: readonly Buffer[]): Promise<Buffer[]> {
  // The text is so repetitive that the fastest level already makes it ten times smaller.
  const gzip = createGzip({ level: constants.Z_BEST_SPEED });
  const compressed: Buffer[] = [];
  for await (const piece of Readable.from(pieces).pipe(gzip)) {
    compressed.push(piece as Buffer);
  }
  return compressed;
}

async function takeAll(pieces: AsyncIterable<Buffer>): Promise<Scrape> {
  const plain: Buffer[] = [];
  for await (const piece of pieces) {
    plain.push(piece);
  }
  let gzipped: Promise<Buffer[]> | undefined;
  return { plain, gzipped: () => (gzipped ??= compress(plain)) };
}

/**
 * Runs one render at a time, whatever its format, from the first of its pieces to the last: each brings the tables up to date first. A scraper that asks while one is running gets
 * the next one of that format, together with all others that ask for it in that time: every scrape sees a state no older than its
 * request, and any number of scrapers costs no more than two renders of each format.
 */
export function createRenderQueue(
  render: (format: Format) => AsyncIterable<Buffer>,
): (format: Format) => Promise<Scrape> {
  const waiting = new Map<Format, Promise<Scrape>>();
  /** Settled when all requested renders have ended. */
  let last: Promise<unknown> = Promise.resolve();

  function enqueue(format: Format): Promise<Scrape> {
    const pieces = render(format);
    const begin = (): Promise<Scrape> => {
      waiting.delete(format);
      return takeAll(pieces);
    };
    const scrape = last.then(begin, begin);
    last = scrape;
    waiting.set(format, scrape);
    return scrape;
  }

  return (format) => waiting.get(format) ?? enqueue(format);
}
