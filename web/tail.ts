/** The latest events, newest first. */
import type { Frame, TailFrame, TraceEvent } from "../src/views/protocol.js";
import { byId, html, setText, visible } from "./dom.js";
import type { Filter } from "./filter.js";
import { bytes, count, endpoint, seconds } from "./format.js";
import type { Model } from "./model.js";

/** The most lines kept. */
const mostLines = 200;

/** Every event has these: they have columns of their own, or none. */
const common = ["time", "signal", "pid", "tid", "comm", "thread_comm", "event"];

/** Fields that the text of an event shows in another way, or not at all. */
const shownOtherwise = [
  "ppid",
  "role",
  "family",
  "local_address",
  "local_port",
  "remote_address",
  "remote_port",
  "result",
];

function fieldText(name: string, value: string | number | boolean): string {
  if (typeof value === "number" && name.endsWith("_seconds")) {
    return `${name.slice(0, -"_seconds".length)} ${seconds(value)}`;
  }
  if (typeof value === "number" && name.endsWith("_bytes")) {
    return `${name.slice(0, -"_bytes".length)} ${bytes(value)}`;
  }
  return `${name} ${typeof value === "string" ? visible(value) : value}`;
}

/** What happened, in one line. */
function describe(event: TraceEvent): string {
  const { event: kind, role, result, remote_address: address, remote_port: port, local_port: localPort } = event;
  const far = endpoint(`${address}`, Number(port));
  const isConnection = address !== undefined && port !== undefined;
  const end = isConnection ? [role === "client" ? `→ ${far}` : `:${localPort} ← ${far}`] : [];
  const outcome = result === undefined ? [] : [`${result}`];
  const rest = Object.entries(event).flatMap(([name, value]) =>
    common.includes(name) || shownOtherwise.includes(name) || value === undefined || value === "" || value === 0
      ? []
      : [fieldText(name, value)],
  );
  return visible([...(kind === undefined ? [] : [`${kind}`]), ...end, ...outcome, ...rest].join("  "));
}

export class TailView {
  #isPaused = false;
  #unseen = 0;
  #dropped = 0;
  readonly #onChange: () => void;
  readonly #list = document.querySelector("#tail ol") as HTMLElement;
  readonly #boxes = new Map<string, HTMLInputElement>();
  /** The signals of which the agent shows events unasked, among those that have a box. */
  readonly #unasked = new Set<string>();

  /** `onChange` is called when other events are wanted. */
  constructor(onChange: () => void) {
    this.#onChange = onChange;
    byId("pause").addEventListener("click", () => {
      this.pause();
    });
    byId("failures").addEventListener("change", onChange);
  }

  /** What to ask the agent for. Signals are not named unless others were chosen: pages that want the same share a stream. */
  get wishes(): Readonly<Record<string, string>> {
    const boxes = [...this.#boxes];
    const signals = boxes.filter(([, box]) => box.checked).map(([name]) => name);
    return {
      tail: "1",
      ...(boxes.every(([name, box]) => box.checked === this.#unasked.has(name)) ? {} : { signals: signals.join() }),
      ...(byId("failures", HTMLInputElement).checked ? { failures: "1" } : {}),
    };
  }

  /** Pauses, or goes on. */
  pause(): void {
    this.#isPaused = !this.#isPaused;
    this.#unseen = 0;
    byId("pause").setAttribute("aria-pressed", `${this.#isPaused}`);
    this.#note();
  }

  /** Offers the signals that run; those whose events are frequent are not chosen at first. */
  offer({ health }: Frame, { views }: Model): void {
    const names = health.signals.filter(({ up }) => up).map(({ name }) => name);
    for (const [name, box] of this.#boxes) {
      if (!names.includes(name)) {
        box.parentElement?.remove();
        this.#boxes.delete(name);
        this.#unasked.delete(name);
      }
    }
    for (const name of names.filter((each) => !this.#boxes.has(each))) {
      const box = html("input", { type: "checkbox", "data-signal": name });
      box.checked = !views.some(({ signal, isFrequent }) => signal === name && isFrequent);
      if (box.checked) {
        this.#unasked.add(name);
      }
      box.addEventListener("change", this.#onChange);
      this.#boxes.set(name, box);
      byId("tail-choices").append(html("label", {}, box, ` ${visible(name)}`));
    }
  }

  take(tail: TailFrame, model: Model, filter: Filter): void {
    this.#dropped = tail.dropped;
    const lines = [...tail.events.entries()]
      .filter(([, event]) => filter.matchesEvent(event, model.processes))
      .map(([place, event]) => this.#line(event, tail.failures.includes(place)));
    if (this.#isPaused) {
      this.#unseen += lines.length;
    } else {
      this.#list.prepend(...lines.reverse());
      while (this.#list.children.length > mostLines) {
        this.#list.lastElementChild?.remove();
      }
    }
    this.#note();
  }

  #line(event: TraceEvent, isFailure: boolean): HTMLElement {
    const time = html("time", { datetime: event.time }, event.time.slice(11, 23));
    const who = html("b", {}, visible(event.comm ?? ""));
    const text = describe(event);
    return html(
      "li",
      { class: isFailure ? "bad" : undefined, title: text },
      ...[time, html("i", {}, event.signal), who, html("span", { class: "pid" }, `${event.pid ?? ""}`)],
      html("span", { class: "what" }, text),
    );
  }

  #note(): void {
    const paused = this.#isPaused ? [`paused, ${this.#unseen} since`] : [];
    const dropped = this.#dropped > 0 ? [`${count(this.#dropped)} more than are shown`] : [];
    setText(byId("tail-note"), [...paused, ...dropped].join(", "));
  }
}
