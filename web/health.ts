/** The strip at the top: headline numbers, whether all works, and what it costs. */
import type { Frame } from "../src/views/protocol.js";
import { countText } from "../src/views/shared/quantities.js";
import { perSecond } from "../src/views/shared/rates.js";
import { byId, html, setText, svg, visible } from "./dom.js";
import { bytes, count, quantity, share } from "./format.js";
import type { Model } from "./model.js";

/** Seconds that a sparkline shows. */
const span = 60;
const height = 16;

/** A number with its course. */
class Vital {
  readonly #value = html("span");
  readonly #line = svg("polyline");
  readonly #course: number[] = [];
  readonly element: HTMLElement;

  constructor(name: string, title: string) {
    const picture = svg("svg", {
      viewBox: `0 0 ${span} ${height}`,
      preserveAspectRatio: "none",
      "aria-hidden": "true",
    });
    picture.append(this.#line);
    this.element = html(
      "div",
      { title },
      html("dt", {}, name),
      html("dd", { "data-vital": name }, this.#value, picture),
    );
  }

  show(value: number, text: string, isBad = false): void {
    setText(this.#value, text);
    this.element.classList.toggle("bad", isBad);
    this.#course.push(value);
    if (this.#course.length > span) {
      this.#course.shift();
    }
    const top = Math.max(...this.#course, 1e-9);
    const from = span - this.#course.length;
    const points = this.#course.map((at, index) => `${from + index},${height - 1 - (at / top) * (height - 2)}`);
    this.#line.setAttribute("points", points.join(" "));
  }
}

/** A signal: a dot, its name, its events a second and what its programs cost, or what is wrong with it. */
function signalChip(
  signal: Frame["health"]["signals"][number],
  events: number,
  programShare: number | undefined,
): HTMLElement {
  const { name, up, hook, problem, ring, maps } = signal;
  const fill = maps.map(({ map, entries, capacity }) => `${map} ${entries} of ${capacity}`);
  const ringText = ring.size > 0 ? [`ring ${bytes(ring.used)} of ${bytes(ring.size)}`] : [];
  const cost = programShare === undefined ? [] : [`${share(programShare)} of a core in its programs`];
  const title = [...(problem === undefined ? [] : [problem]), hook, ...cost, ...ringText, ...fill].join("\n");
  const rate = up
    ? [`${countText(events)}/s`, ...(programShare === undefined ? [] : [share(programShare)])].join(", ")
    : hook;
  const parts = [html("b", {}, visible(name)), " ", html("span", {}, rate)];
  const note = problem === undefined ? [] : [" ", html("em", {}, "incomplete")];
  const state = up ? (problem === undefined ? "up" : "incomplete") : "down";
  return html("li", { class: state, title }, ...parts, ...note);
}

export class HealthView {
  readonly #cpu = new Vital("cpu", "CPU time of the agent, of one core");
  readonly #memory = new Vital("memory", "the agent's memory in RAM");
  readonly #events = new Vital("events/s", "events taken in");
  readonly #dropped = new Vital("dropped", "events lost since the start, by any reason");
  readonly #series = new Vital(
    "series",
    "series that the metrics have now; red: more than --series-limit, so that some are counted as ~other",
  );
  #consumed = new Map<string, number>();
  /** By column. */
  readonly #headlines = new Map<string, Vital>();

  constructor() {
    const vitals = [this.#cpu, this.#memory, this.#events, this.#dropped, this.#series];
    byId("vitals").append(...vitals.map(({ element }) => element));
  }

  /** The numbers that signals declare as headlines, before those of the agent. */
  #drawHeadlines({ views }: Model, { headlines }: Frame): void {
    const declared = views.flatMap(({ headline, columns }) =>
      headline.flatMap(({ title, column: key, of }) => {
        const column = columns.find((candidate) => candidate.key === key);
        return column === undefined ? [] : [{ title, column, isShare: of !== undefined }];
      }),
    );
    for (const [key, { element }] of this.#headlines) {
      if (!declared.some(({ column }) => column.key === key)) {
        element.remove();
        this.#headlines.delete(key);
      }
    }
    for (const { title, column, isShare } of declared) {
      const { key, help, isLevel, isFailure } = column;
      const value = headlines[key] ?? 0;
      let vital = this.#headlines.get(key);
      if (vital === undefined) {
        vital = new Vital(isLevel === true || isShare ? title : `${title}/s`, help);
        this.#headlines.set(key, vital);
        this.#cpu.element.before(vital.element);
      }
      vital.show(value, isShare ? share(value) : quantity(column)(value), isFailure === true && value > 0);
    }
  }

  draw(model: Model, frame: Frame, elapsed: number): void {
    const { about, health } = frame;
    setText(byId("host"), about.host);
    setText(byId("about"), `ringtap ${about.version} on Linux ${about.kernel}`);
    byId("metrics-link").setAttribute("href", `.${about.metricsPath}`);
    this.#drawHeadlines(model, frame);
    this.#cpu.show(model.cpuShare, share(model.cpuShare), model.cpuShare > 0.5);
    this.#memory.show(health.residentBytes, bytes(health.residentBytes));
    this.#events.show(model.eventsPerSecond, count(model.eventsPerSecond));
    this.#dropped.show(health.dropped, count(health.dropped), health.dropped > 0);
    this.#series.show(health.series, count(health.series), health.folded > 0);
    const { programShares: shares } = model;
    const chips = health.signals.map((signal) => {
      const { consumed } = signal.events;
      return signalChip(
        signal,
        perSecond(consumed, this.#consumed.get(signal.name) ?? consumed, elapsed),
        shares.get(signal.name),
      );
    });
    this.#consumed = new Map(health.signals.map(({ name, events }) => [name, events.consumed]));
    byId("signals").replaceChildren(...chips);
  }
}
