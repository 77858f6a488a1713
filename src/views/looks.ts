/** Who has seen the last numbers of processes that are gone: scrapers, people who look, or nobody. */
import type { Catalog } from "../metrics/catalog.js";

/** Prometheus takes a series for gone that it has not seen for so long: whoever scrapes does it more often. Milliseconds. */
const longestScrapeInterval = 300_000;

/** Begins a look at the tables; the returned function ends it, and is told whether all of it could be shown. */
export type BeginLook = () => (isComplete: boolean) => void;

/**
 * Looks at the tables of a catalog. No process is forgotten during one. The series of those that have exited wait for a scrape to
 * show them, unless nobody has scraped for five minutes, or ever: then a look is as good.
 */
export function looksAt(catalog: Catalog): BeginLook {
  let lastCompleted = 0;
  let scrapedAt = -Infinity;
  return () => {
    const render = catalog.renderBegan();
    return (isComplete) => {
      const now = performance.now();
      if (catalog.lastCompleted !== lastCompleted) {
        scrapedAt = now;
      }
      catalog.renderEnded(render, isComplete && now - scrapedAt > longestScrapeInterval);
      ({ lastCompleted } = catalog);
    };
  };
}

/**
 * Lets the series of exited processes go whenever nobody has been shown any for five minutes, so that they wait for ten at the most.
 * Returns what ends that.
 */
export function letUnseenGo(catalog: Catalog): () => void {
  let { lastCompleted } = catalog;
  const timer = setInterval(() => {
    if (catalog.lastCompleted === lastCompleted) {
      catalog.renderEnded(catalog.renderBegan(), true);
    }
    ({ lastCompleted } = catalog);
  }, longestScrapeInterval);
  return () => {
    clearInterval(timer);
  };
}
