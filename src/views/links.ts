/** The links of all signals as one list. */
import type { LinkWatch } from "../sdk/links.js";
import type { ViewedSignal } from "./viewed-signal.js";

/** Observes the links of every signal that has any, until the watch is closed. The ids of its links are unique. */
export function watchAllLinks(signals: readonly Pick<ViewedSignal, "watchLinks">[]): LinkWatch {
  const watches = signals.flatMap((signal) => signal.watchLinks() ?? []);
  const [only] = watches;
  return {
    links: () =>
      watches.length === 1 && only !== undefined
        ? only.links()
        : watches.flatMap((watch, place) =>
            watch.links().map((link) => ({ ...link, id: link.id * watches.length + place })),
          ),
    close() {
      for (const watch of watches) {
        watch.close();
      }
    },
  };
}
