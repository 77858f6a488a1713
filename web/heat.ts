/** Latencies as heat maps: time to the right, duration upwards, how often by colour. */
import type { Frame, LatencyFrame } from "../src/views/protocol.js";
import { sum, sumBuckets } from "../src/views/shared/sums.js";
import { byId, html, setText, visible } from "./dom.js";
import { seconds } from "./format.js";

/** Columns: seconds. */
const span = 120;

/** Pixels for the labels of durations, and half the height of one. */
const margin = 44;
const halfLabel = 6;

/** The bound below which this share of the observations lies; undefined when there are none. */
function quantile(counts: readonly number[], bounds: readonly number[], portion: number): number | undefined {
  const wanted = portion * sum(counts);
  let seen = 0;
  const slot = counts.findIndex((count) => {
    seen += count;
    return count > 0 && seen >= wanted;
  });
  return slot < 0 ? undefined : (bounds[slot] ?? Infinity);
}

/** How a bound reads. */
function atMost(bound: number, bounds: readonly number[]): string {
  return bound === Infinity ? `> ${seconds(bounds.at(-1) ?? 0)}` : `≤ ${seconds(bound)}`;
}

/** One histogram over time. */
class HeatMap {
  readonly element: HTMLElement;
  readonly #canvas = html("canvas", { role: "img" });
  readonly #summary = html("small");
  readonly #reading = html("output");
  #bounds: readonly number[] = [];
  #columns: number[][] = [];
  /** The slots that are drawn: from the first to the last that ever had something. */
  #low = 0;
  #high = 0;

  constructor(name: string, heading: string) {
    const title = html("figcaption", {}, visible(heading), " ", this.#summary);
    this.element = html("figure", { "data-latency": name }, title, this.#canvas, this.#reading);
    this.#canvas.addEventListener("pointermove", (event) => {
      this.#read(event);
    });
    this.#canvas.addEventListener("pointerleave", () => {
      setText(this.#reading, "");
    });
  }

  show(bounds: readonly number[], columns: number[][]): void {
    this.#bounds = bounds;
    this.#columns = columns;
    const all = sumBuckets(columns, bounds.length + 1);
    const used = [...all.keys()].filter((slot) => (all[slot] ?? 0) > 0);
    this.#low = Math.max(0, (used[0] ?? 8) - 1);
    this.#high = Math.min(bounds.length, Math.max((used.at(-1) ?? 20) + 1, this.#low + 8));
    this.#summarise(sumBuckets(columns.slice(-10), bounds.length + 1));
    this.#draw();
  }

  #summarise(recent: readonly number[]): void {
    const [median, high] = [0.5, 0.99].map((portion) => quantile(recent, this.#bounds, portion));
    const text =
      median === undefined || high === undefined
        ? "none in 10 s"
        : `p50 ${atMost(median, this.#bounds)}, p99 ${atMost(high, this.#bounds)}`;
    setText(this.#summary, text);
    this.#canvas.setAttribute("aria-label", text);
  }

  #draw(): void {
    const canvas = this.#canvas;
    const ratio = window.devicePixelRatio;
    const { clientWidth: width, clientHeight: height } = canvas;
    if (width === 0 || height === 0) {
      return;
    }
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const context = canvas.getContext("2d");
    if (context === null) {
      return;
    }
    context.scale(ratio, ratio);
    const style = getComputedStyle(canvas);
    const rows = this.#high - this.#low + 1;
    const cellWidth = (width - margin) / span;
    const cellHeight = height / rows;
    const top = Math.log1p(Math.max(1, ...this.#columns.flat()));
    const yOf = (slot: number): number => height - (slot - this.#low + 1) * cellHeight;

    this.#drawAxis(context, style, yOf, cellHeight);
    for (const [index, column] of this.#columns.entries()) {
      const x = margin + (span - this.#columns.length + index) * cellWidth;
      for (let slot = this.#low; slot <= this.#high; slot++) {
        const count = column[slot] ?? 0;
        if (count > 0) {
          const heat = Math.log1p(count) / top;
          context.globalAlpha = 0.18 + 0.82 * heat;
          context.fillStyle = style.getPropertyValue(
            heat > 0.66 ? "--heat-high" : heat > 0.33 ? "--heat" : "--heat-low",
          );
          context.fillRect(x, yOf(slot) + 0.5, Math.max(1, cellWidth - 0.5), cellHeight - 1);
        }
      }
    }
    context.globalAlpha = 1;
  }

  #drawAxis(
    context: CanvasRenderingContext2D,
    style: CSSStyleDeclaration,
    yOf: (slot: number) => number,
    cellHeight: number,
  ): void {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    context.font = `10px ${style.getPropertyValue("--mono")}`;
    context.textAlign = "right";
    context.textBaseline = "middle";
    const every = Math.max(1, Math.ceil(14 / cellHeight));
    for (let slot = this.#low; slot <= this.#high; slot += every) {
      const bound = this.#bounds[slot];
      const y = yOf(slot);
      context.fillStyle = style.getPropertyValue("--faint");
      const middle = Math.max(halfLabel, Math.min(y + cellHeight / 2, height - halfLabel));
      context.fillText(bound === undefined ? "more" : seconds(bound), margin - 5, middle);
      context.fillStyle = style.getPropertyValue("--rule");
      context.fillRect(margin, y, width - margin, 0.5);
    }
  }

  /** Says what lies under the pointer. */
  #read({ offsetX, offsetY }: PointerEvent): void {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const ago = span - 1 - Math.floor(((offsetX - margin) / (width - margin)) * span);
    const slot = this.#low + Math.floor((1 - offsetY / height) * (this.#high - this.#low + 1));
    const column = this.#columns[this.#columns.length - 1 - ago];
    const text = atMost(this.#bounds[slot] ?? Infinity, this.#bounds);
    setText(this.#reading, column === undefined ? "" : `${ago} s ago, ${text}: ${column[slot] ?? 0}`);
  }
}

export class HeatView {
  readonly #maps = new Map<string, HeatMap>();
  /** The latencies of the last frames, oldest first. */
  readonly #history: (readonly LatencyFrame[])[] = [];

  /** Takes a frame that came so many seconds after the one before: a column for it, empty ones for those that the page missed. */
  take(frame: Frame, elapsed: number): void {
    const missed = Math.min(span, Math.max(0, Math.round(elapsed) - 1));
    this.#history.push(...new Array<readonly LatencyFrame[]>(missed).fill([]), frame.latencies);
    this.#history.splice(0, this.#history.length - span);
  }

  /** Draws what programs with these names have met. */
  draw(isShown: (comm: string) => boolean): void {
    const names = new Set(this.#history.at(-1)?.map(({ name }) => name));
    for (const [name, map] of this.#maps) {
      if (!names.has(name)) {
        map.element.remove();
        this.#maps.delete(name);
      }
    }
    for (const { name, title, bounds } of this.#history.at(-1) ?? []) {
      let map = this.#maps.get(name);
      if (map === undefined) {
        this.#maps.set(name, (map = new HeatMap(name, title)));
        byId("heat-maps").append(map.element);
      }
      const columns = this.#history.map((latencies) => {
        const counts = latencies.find((latency) => latency.name === name)?.counts ?? [];
        const shown = counts.filter(([comm]) => isShown(comm)).map(([, observed]) => observed);
        return sumBuckets(shown, bounds.length + 1);
      });
      map.show(bounds, columns);
    }
  }
}
