/** Counts of all events of a trace, which are reported at its end. */
import type { TraceableSignal } from "../../views/trace-event.js";
import { DurationCounts } from "./duration-counts.js";
import { escapeControls } from "../../log/error-text.js";
import { durationText } from "../../views/shared/quantities.js";
import { pad } from "../terminal/text.js";
import type { TracedEvent } from "./fields.js";

/** The most outcomes that the table shows; the rest is one line. */
const mostRows = 20;

const shares = { p50: 0.5, p90: 0.9, p99: 0.99 } as const;

interface Outcome {
  readonly values: readonly string[];
  events: number;
  shown: number;
  readonly durations: DurationCounts;
}

/** What became of an event: `dropped` ones were not written because the reader was too slow. */
export type Fate = "shown" | "sampled_out" | "dropped";

/** Counts the events that the filters let through, by outcome. */
export class TraceSummary {
  /** Events by what became of them. */
  readonly totals: Record<Fate, number> = { shown: 0, sampled_out: 0, dropped: 0 };
  readonly #names: readonly string[];
  readonly #outcomes = new Map<string, Outcome>();

  constructor({ trace }: TraceableSignal) {
    this.#names = trace.outcome;
  }

  /** Counts an event. */
  add({ fields }: TracedEvent, fate: Fate): void {
    this.totals[fate]++;
    const values = this.#names.map((name) => String(fields[name] ?? "-"));
    const key = values.join(" ");
    let outcome = this.#outcomes.get(key);
    if (outcome === undefined) {
      outcome = { values, events: 0, shown: 0, durations: new DurationCounts() };
      this.#outcomes.set(key, outcome);
    }
    outcome.events++;
    outcome.shown += fate === "shown" ? 1 : 0;
    if (typeof fields.duration_seconds === "number") {
      outcome.durations.add(fields.duration_seconds);
    }
  }

  /** For programs: by outcome, the most frequent first. Durations are seconds. */
  outcomes(): Readonly<Record<string, string | number>>[] {
    return this.#sorted().map(({ values, events, shown, durations }) => ({
      ...Object.fromEntries(this.#names.map((name, index) => [name, values[index] ?? "-"])),
      events,
      shown,
      ...times(durations),
    }));
  }

  /** For people: the same as a table, one text a line. */
  table(): string[] {
    const outcomes = this.#sorted();
    const headings = [...this.#names, "events", "shown", ...Object.keys(shares), "max"].map((name) =>
      name.toUpperCase(),
    );
    const rows = outcomes.slice(0, mostRows).map(({ values, events, shown, durations }) => {
      const cells = [events.toString(), shown.toString(), ...Object.values(times(durations)).map(durationText)];
      return [...values.map(escapeControls), ...cells];
    });
    const widths = headings.map((heading, column) =>
      Math.max(heading.length, ...rows.map((row) => row[column]?.length ?? 0)),
    );
    const line = (cells: readonly string[]): string =>
      cells
        .map((cell, column) => pad(cell, widths[column] ?? 0, column < this.#names.length ? "end" : "start"))
        .join("  ")
        .trimEnd();
    const left = outcomes.length - rows.length;
    return [...[headings, ...rows].map(line), ...(left > 0 ? [`and ${left} other outcomes`] : [])];
  }

  #sorted(): Outcome[] {
    return [...this.#outcomes.values()].sort((a, b) => b.events - a.events);
  }
}

/** Seconds; none where nothing had a duration. */
function times(durations: DurationCounts): Readonly<Record<string, number>> {
  if (durations.count === 0) {
    return {};
  }
  const percentiles = Object.entries(shares).map(([name, share]) => [name, durations.percentile(share) ?? 0] as const);
  return { ...Object.fromEntries(percentiles), max: durations.longest };
}
