/** The links of all signals as one list. */
import type { Link, LinkWatch } from "../sdk/links.js";
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

/** Links that one signal has the connections of and another one the requests are one: that of the first. */
function joined(links: readonly Link[]): Link[] {
  const known = new Map<string, Link>();
  for (const link of links) {
    const { pid, comm, role, port, local, remote, requests = [] } = link;
    const key = [pid, comm, role, port, local, remote].join(" ");
    const first = known.get(key);
    known.set(key, first === undefined ? link : added(first, link, requests));
  }
  return [...known.values()];
}

function added(first: Link, more: Link, requests: NonNullable<Link["requests"]>): Link {
  return {
    ...first,
    connects: first.connects + more.connects,
    failures: first.failures + more.failures,
    sent_bytes: first.sent_bytes + more.sent_bytes,
    received_bytes: first.received_bytes + more.received_bytes,
    open: first.open + more.open,
    requests: [...(first.requests ?? []), ...requests],
  };
}

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
      const links = Array.from(watches.values()).flatMap(({ watch, place }) => {
        const links = watch?.links() ?? [];
        return place === 0 ? links : links.map((link) => ({ ...link, id: link.id + place * idsPerPlace }));
      });
      return joined(links);
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
