/** What several scrapers share: one render at a time, and its compressed form. */
import { Readable } from "node:stream";
import { constants, createGzip } from "node:zlib";

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

async function takeAll(render: () => AsyncIterable<Buffer>): Promise<Scrape> {
  const plain: Buffer[] = [];
  for await (const piece of render()) {
    plain.push(piece);
  }
  let gzipped: Promise<Buffer[]> | undefined;
  return { plain, gzipped: () => (gzipped ??= compress(plain)) };
}

/**
 * Runs one render at a time. Who asks while one is running gets the next one, together with all who ask in that time: every
 * scrape sees a state no older than its request, and a crowd of scrapers costs no more than two renders.
 */
export function oneAtATime(render: () => AsyncIterable<Buffer>): () => Promise<Scrape> {
  let running: Promise<Scrape> | undefined;
  let next: Promise<Scrape> | undefined;

  function start(): Promise<Scrape> {
    next = undefined;
    const scrape = takeAll(render).finally(() => {
      if (next === undefined) {
        running = undefined;
      }
    });
    running = scrape;
    return scrape;
  }

  return () => {
    if (running === undefined) {
      return start();
    }
    return (next ??= running.then(start, start));
  };
}
