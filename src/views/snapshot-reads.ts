/** Reads of the tables by others than scrapers: when the series of processes that have ended may be removed. */
import type { Catalog } from "../metrics/catalog.js";

/** Prometheus takes a series that it has not seen for so long as ended, so that every scraper comes more often. Milliseconds. */
const longestScrapeIntervalMs = 300_000;

/** Begins a read of the tables; the returned function ends it; its argument says whether everything was read. */
export type BeginRead = () => (isComplete: boolean) => void;

/**
 * Reads of a catalog's tables. No process expires during one. The series of those that have ended wait for a scrape to show them,
 * unless there has been none for five minutes, or ever: then such a read counts as a scrape.
 */
export function readsOf(catalog: Catalog): BeginRead {
  let lastCompleted = 0;
  let scrapedAt = -Infinity;
  return () => {
    const render = catalog.renders.began();
    return (isComplete) => {
      const now = performance.now();
      if (catalog.renders.lastCompleted !== lastCompleted) {
        scrapedAt = now;
      }
      catalog.renders.ended(render, isComplete && now - scrapedAt > longestScrapeIntervalMs);
      ({ lastCompleted } = catalog.renders);
    };
  };
}

/**
 * Lets the series of ended processes expire whenever nothing has read the tables for five minutes, so that they wait for ten at the
 * most. Returns what ends that.
 */
export function expireUnread(catalog: Catalog): () => void {
  let { lastCompleted } = catalog.renders;
  const timer = setInterval(() => {
    if (catalog.renders.lastCompleted === lastCompleted) {
      catalog.renders.ended(catalog.renders.began(), true);
    }
    ({ lastCompleted } = catalog.renders);
  }, longestScrapeIntervalMs);
  return () => {
    clearInterval(timer);
  };
}
