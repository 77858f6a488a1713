/** What the page gets: one snapshot a second for all viewers, and what each of them asks for besides. */
import type { LinkWatch } from "../sdk/links.js";
import { Changes } from "./changes.js";
import { LatencyChanges } from "./latency-changes.js";
import type { Live } from "./live.js";
import { headlineNumbers, processRates, type ProcessSnapshot } from "./processes.js";
import type { About, BreakdownFrame, Frame, ProcessTotals, SignalViews, TailFrame } from "./protocol.js";
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

/** One snapshot, in two forms. */
export interface FeedUpdate {
  /** For viewers that have the previous snapshot. */
  readonly changes: Message;
  /** For viewers that do not. */
  whole(): Message;
}

/** What one viewer gets beside the snapshots. */
export interface Personal {
  /** Hands over what there is by now; `hasSnapshot` says whether one has just been sent. */
  take(hasSnapshot: boolean): Message[];
  close(): void;
}

export interface Feed {
  nextFrame(): Promise<FeedUpdate>;
  /** Throws a RangeError for a query that is not valid. */
  open(query: URLSearchParams): Personal;
  /** There are no viewers any more: drops all state. */
  idle(): void;
}

/** The share that each process has of the most that any does, in what it does most of. */
function ranks(numbers: readonly Readonly<Record<string, number>>[]): number[] {
  const keys = Object.keys(numbers[0] ?? {});
  const tops = keys.map((key) => numbers.reduce((top, of) => Math.max(top, of[key] ?? 0), 1e-9));
  return numbers.map((of) => Math.max(...keys.map((key, place) => (of[key] ?? 0) / (tops[place] as number))));
}

/** The busiest by the rates since the snapshot before; of those that have been idle, the busiest ever. */
function busiest(
  now: readonly ProcessTotals[],
  rates: ReadonlyMap<number, Readonly<Record<string, number>>>,
  most: number,
): readonly ProcessTotals[] {
  if (now.length <= most) {
    return now;
  }
  const lately = ranks(now.map(({ id }) => rates.get(id) ?? {}));
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

/** The events that a viewer asks for; undefined for none. `frequent` signals have to be asked for by name. */
function tailFilter(query: URLSearchParams, frequent: readonly string[]): TailFilter | undefined {
  const pid = wholeNumber(query, "pid");
  const comm = query.get("comm") ?? "";
  const signals = query.get("signals");
  return query.get("tail") !== "1"
    ? undefined
    : {
        failures: query.get("failures") === "1",
        comm,
        ...(pid === undefined ? {} : { pid }),
        ...(signals === null ? { except: frequent } : { signals: signals.split(",") }),
      };
}

function message(event: string, data: TailFrame | BreakdownFrame): Message {
  return { event, data: JSON.stringify(data) };
}

/** What one viewer's query asks of the live view. */
function openPersonal(live: Live, query: URLSearchParams): Personal {
  const process = wholeNumber(query, "process");
  const frequent = live.views.filter(({ isFrequent }) => isFrequent).map(({ signal }) => signal);
  const filter = tailFilter(query, frequent);
  const tail: Tail | undefined = filter && live.tail(filter, mostEvents);
  let dropped = 0;
  return {
    take(hasSnapshot) {
      const messages: Message[] = [];
      const events = tail?.take() ?? [];
      if (tail !== undefined && (events.length > 0 || tail.dropped > dropped)) {
        ({ dropped } = tail);
        const failures = [...events.keys()].filter((place) => events[place]?.isFailure === true);
        messages.push(message("tail", { events: events.map(({ event }) => event), failures, dropped }));
      }
      if (hasSnapshot && process !== undefined) {
        messages.push(message("breakdown", { process, tables: live.breakdowns(process) }));
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
  let links: LinkWatch | undefined;
  let latest: ProcessSnapshot | undefined;
  let views = "";
  let processRows = new Changes();
  let linkRows = new Changes();
  let latencyRows = new LatencyChanges();

  /** What all processes have done a second, in the columns that are headlines. */
  function headlinesOf(
    rates: ReadonlyMap<number, Readonly<Record<string, number>>>,
    shown: readonly SignalViews[],
  ): Record<string, number> {
    return headlineNumbers(
      rates.values(),
      shown.flatMap(({ headline }) => headline),
    );
  }

  function frame(head: Partial<Frame>, parts: Readonly<Record<string, string>>): Message {
    const rest = Object.entries(parts).map(([name, json]) => `,"${name}":${json}`);
    return { event: "frame", data: `${JSON.stringify(head).slice(0, -1)}${rest.join("")}}` };
  }

  return {
    async nextFrame() {
      links ??= live.watchLinks();
      const snapshot = await live.snapshot();
      const { at, time, health, processes, columns } = snapshot;
      const rates = processRates(latest ?? { at, processes: [], columns }, snapshot);
      latest = { at, processes, columns };
      const rows = busiest(processes, rates, mostProcesses);
      const shown = live.views;
      const head = {
        about,
        at,
        time,
        health,
        hidden: processes.length - rows.length,
        headlines: headlinesOf(rates, shown),
      };
      const latencies = JSON.stringify(latencyRows.update(snapshot.latencies));
      const changes = { processes: processRows.update(rows), links: linkRows.update(links.links()), latencies };
      const now = JSON.stringify(shown);
      const areNew = now !== views;
      views = now;
      return {
        changes: frame({ ...head, whole: false }, areNew ? { ...changes, views } : changes),
        whole: () =>
          frame(
            { ...head, whole: true },
            { processes: processRows.whole(), links: linkRows.whole(), latencies, views: now },
          ),
      };
    },
    open: (query) => openPersonal(live, query),
    idle() {
      links?.close();
      links = undefined;
      latest = undefined;
      views = "";
      processRows = new Changes();
      linkRows = new Changes();
      latencyRows = new LatencyChanges();
    },
  };
}
