/** What the page is fed with: one look a second for all who watch, and what each asks for besides. */
import type { LinkWatch } from "../sdk/links.js";
import { Changes } from "./changes.js";
import { LatencyChanges } from "./latency-changes.js";
import type { Live, Snapshot } from "./live.js";
import { processRates } from "./processes.js";
import type { About, BreakdownFrame, Frame, ProcessTotals, TailFrame } from "./protocol.js";
import type { Tail, TailFilter } from "./tail.js";

/** The most processes in a frame. */
const mostProcesses = 1000;

/** The most events that one viewer gets at a time. */
const mostEvents = 100;

/** A server-sent event: its name, and its data as JSON. */
export interface Message {
  readonly event: string;
  readonly data: string;
}

/** One look. */
export interface Look {
  /** For those who have seen the one before. */
  readonly changes: Message;
  /** For those who have not. */
  whole(): Message;
}

/** What one viewer gets beside the looks. */
export interface Personal {
  /** Hands over what there is by now; `looked` says whether a look has just been taken. */
  take(looked: boolean): Message[];
  close(): void;
}

export interface Feed {
  nextFrame(): Promise<Look>;
  /** Throws a RangeError for a query that makes no sense. */
  open(query: URLSearchParams): Personal;
  /** Nobody watches any more: forgets everything. */
  idle(): void;
}

/** The share that each process has of the most that any does, in what it does most of. */
function ranks(numbers: readonly Readonly<Record<string, number>>[]): number[] {
  const keys = Object.keys(numbers[0] ?? {});
  const tops = keys.map((key) => numbers.reduce((top, of) => Math.max(top, of[key] ?? 0), 1e-9));
  return numbers.map((of) => Math.max(...keys.map((key, place) => (of[key] ?? 0) / (tops[place] as number))));
}

/** The busiest since the look before; of those that have been idle, the busiest ever. */
function busiest(
  before: readonly ProcessTotals[],
  now: readonly ProcessTotals[],
  most: number,
  levels: readonly string[],
): readonly ProcessTotals[] {
  if (now.length <= most) {
    return now;
  }
  const lately = ranks([...processRates(before, now, 1, levels).values()]);
  const ever = ranks(now.map(({ totals }) => totals));
  const rank = (place: number): number => (lately[place] as number) * 1e6 + (ever[place] as number);
  return [...now.keys()]
    .sort((a, b) => rank(b) - rank(a))
    .slice(0, most)
    .map((place) => now[place] as ProcessTotals);
}

function wholeNumber(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === "") {
    return undefined;
  }
  if (!/^\d{1,10}$/.test(text)) {
    throw new RangeError(`${name}=${JSON.stringify(text)}: want a whole number`);
  }
  return Number(text);
}

/** The events that a viewer asks for; undefined for none. */
function tailFilter(query: URLSearchParams): TailFilter | undefined {
  const pid = wholeNumber(query, "pid");
  const comm = query.get("comm") ?? "";
  const signals = query.get("signals");
  return query.get("tail") !== "1"
    ? undefined
    : {
        failures: query.get("failures") === "1",
        comm,
        ...(pid === undefined ? {} : { pid }),
        ...(signals === null ? {} : { signals: signals.split(",") }),
      };
}

function message(event: string, data: TailFrame | BreakdownFrame): Message {
  return { event, data: JSON.stringify(data) };
}

/** What one viewer's query asks of the live view. */
function openPersonal(live: Live, query: URLSearchParams): Personal {
  const process = wholeNumber(query, "process");
  const filter = tailFilter(query);
  const tail: Tail | undefined = filter && live.tail(filter, mostEvents);
  let dropped = 0;
  return {
    take(looked) {
      const messages: Message[] = [];
      const events = tail?.take() ?? [];
      if (tail !== undefined && (events.length > 0 || tail.dropped > dropped)) {
        ({ dropped } = tail);
        const failures = [...events.keys()].filter((place) => events[place]?.isFailure === true);
        messages.push(message("tail", { events: events.map(({ event }) => event), failures, dropped }));
      }
      if (looked && process !== undefined) {
        messages.push(message("breakdown", { process, signals: live.breakdowns(process) }));
      }
      return messages;
    },
    close() {
      tail?.close();
    },
  };
}

/** Makes the feed of a live view. */
export function createFeed(live: Live, about: About): Feed {
  const levels = live.columns.filter(({ unit }) => unit === "level").map(({ key }) => key);
  let links: LinkWatch | undefined;
  let processes: Snapshot["processes"] = [];
  let processRows = new Changes();
  let linkRows = new Changes();
  let latencyRows = new LatencyChanges();

  function frame(snapshot: Snapshot, hidden: number, whole: boolean, parts: Record<string, string>): Message {
    const { at, time, health } = snapshot;
    const head: Partial<Frame> = { about, whole, at, time, health, hidden };
    const rest = Object.entries(parts).map(([name, json]) => `,"${name}":${json}`);
    return { event: "frame", data: `${JSON.stringify(head).slice(0, -1)}${rest.join("")}}` };
  }

  return {
    async nextFrame() {
      links ??= live.watchLinks();
      const snapshot = await live.snapshot();
      const shown = busiest(processes, snapshot.processes, mostProcesses, levels);
      ({ processes } = snapshot);
      const hidden = snapshot.processes.length - shown.length;
      const latencies = JSON.stringify(latencyRows.update(snapshot.latencies));
      const changes = { processes: processRows.update(shown), links: linkRows.update(links.links()), latencies };
      return {
        changes: frame(snapshot, hidden, false, changes),
        whole: () =>
          frame(snapshot, hidden, true, { processes: processRows.whole(), links: linkRows.whole(), latencies }),
      };
    },
    open: (query) => openPersonal(live, query),
    idle() {
      links?.close();
      links = undefined;
      processes = [];
      processRows = new Changes();
      linkRows = new Changes();
      latencyRows = new LatencyChanges();
    },
  };
}
