/** The links of all signals as one list. */
import type { LinkWatch } from "../sdk/links.js";
import type { ViewedSignal } from "./viewed-signal.js";

/** The part of a running signal that has links. */
type LinkedSignal = Pick<ViewedSignal, "signal" | "watchLinks">;

/** The watch of a signal. */
interface PlacedWatch {
  /** The build that was asked last for a watch. */
  asked: LinkedSignal;
  /** Undefined while the signal has no links. */
  watch: LinkWatch | undefined;
  /** Among the signals of the list: what tells its ids from those of others. */
  readonly place: number;
}

/** Ids of a signal's own links are below this. */
const idsPerPlace = 2 ** 40;

/**
 * Observes the links of every signal that has any, until the watch is closed: of those that run, and, from the next
 * {@link LinkWatch.links} on, of those that begin to later. The ids of its links are unique, and a link keeps its own when signals come
 * and go.
 */
export function watchAllLinks(running: () => readonly LinkedSignal[]): LinkWatch {
  const watches = new Map<string, PlacedWatch>();
  let isClosed = false;

  function freePlace(): number {
    const taken = new Set(Array.from(watches.values(), ({ place }) => place));
    let place = 0;
    while (taken.has(place)) {
      place++;
    }
    return place;
  }

  /** A watch moves by itself to the build that replaces its signal; a build that has none may be replaced by one that has. */
  function follow(): void {
    const signals = running();
    for (const [name, { watch }] of watches) {
      if (!signals.some(({ signal }) => signal.name === name)) {
        watch?.close();
        watches.delete(name);
      }
    }
    for (const asked of signals) {
      const { name } = asked.signal;
      const known = watches.get(name);
      if (known === undefined) {
        watches.set(name, { asked, watch: asked.watchLinks(), place: freePlace() });
      } else if (known.watch === undefined && known.asked !== asked) {
        known.asked = asked;
        known.watch = asked.watchLinks();
      }
    }
  }

  follow();
  return {
    links() {
      if (isClosed) {
        return [];
      }
      follow();
      return Array.from(watches.values()).flatMap(({ watch, place }) => {
        const links = watch?.links() ?? [];
        return place === 0 ? links : links.map((link) => ({ ...link, id: link.id + place * idsPerPlace }));
      });
    },
    close() {
      isClosed = true;
      for (const { watch } of watches.values()) {
        watch?.close();
      }
      watches.clear();
    },
  };
}
