/** The page at `/`: puts the views together, and follows the agent. */
import type { Frame } from "../src/views/protocol.js";
import { byId, setText } from "./dom.js";
import { DrillView } from "./drill.js";
import { Filter } from "./filter.js";
import { HealthView } from "./health.js";
import { HeatView } from "./heat.js";
import { MapView } from "./map.js";
import { Model } from "./model.js";
import { ProcessesView } from "./processes.js";
import { Stream } from "./stream.js";
import { TailView } from "./tail.js";

/** How long the filter has to stand before the agent gets it, milliseconds. */
const typingMs = 400;

const model = new Model();
const health = new HealthView();
const heat = new HeatView();
const map = new MapView(draw);
const tail = new TailView(ask);
const drill = new DrillView(() => {
  ask();
  draw();
});
const processes = new ProcessesView((process) => {
  drill.open(process);
}, narrow);
const filterInput = byId("filter", HTMLInputElement);
let filter = new Filter("");

const stream = new Stream({
  frame: takeFrame,
  tail: (events) => {
    tail.take(events, model, filter);
  },
  breakdowns: (breakdowns) => {
    drill.takeBreakdowns(breakdowns, model);
    drill.draw(model);
  },
  state: (isOpen, problem) => {
    document.body.classList.toggle("lost", !isOpen);
    setText(byId("link"), isOpen ? "live" : problem);
  },
});

/** Asks the agent for what this page wants besides. */
function ask(): void {
  const process = drill.process?.row.id;
  stream.want({ ...tail.wishes, ...filter.forAgent, ...(process === undefined ? {} : { process: `${process}` }) });
}

function takeFrame(frame: Frame): void {
  if (frame.at === model.frame?.at) {
    // The page was hidden for less than a second.
    return;
  }
  const elapsed = model.frame === undefined ? 0 : frame.at - model.frame.at;
  model.apply(frame);
  heat.take(frame, elapsed);
  tail.offer(frame, model);
  health.draw(model, frame, elapsed);
  draw();
}

/** Comms of which the filter leaves something. */
function shownComms(): ReadonlySet<string | undefined> {
  return new Set(model.processes.filter(({ row }) => filter.matches(row.labels)).map(({ row }) => row.labels.comm));
}

function draw(): void {
  processes.draw(model, filter);
  map.draw(model, filter);
  const shown = shownComms();
  heat.draw((comm) => filter.matches({ comm }) || shown.has(comm));
  drill.draw(model);
}

let asking: ReturnType<typeof setTimeout> | undefined;

function setFilter(text: string): void {
  filter = new Filter(text);
  draw();
  clearTimeout(asking);
  asking = setTimeout(ask, typingMs);
}

function narrow(text: string): void {
  filterInput.value = text;
  setFilter(text);
}

function toggleTotals(): void {
  processes.showsTotals = !processes.showsTotals;
  byId("totals").setAttribute("aria-pressed", `${processes.showsTotals}`);
  draw();
}

function escape(): void {
  if (drill.process !== undefined) {
    drill.close();
  } else if (filterInput.value !== "") {
    narrow("");
  } else {
    filterInput.blur();
  }
}

const keys: Readonly<Record<string, () => void>> = {
  "/": () => {
    filterInput.focus();
  },
  "?": () => {
    byId("keys", HTMLDialogElement).showModal();
  },
  j: () => {
    processes.move(1);
  },
  k: () => {
    processes.move(-1);
  },
  s: () => {
    processes.sortBy(1);
  },
  S: () => {
    processes.sortBy(-1);
  },
  t: toggleTotals,
  p: () => {
    tail.pause();
  },
};

document.addEventListener("keydown", (event) => {
  const { key, target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || byId("keys", HTMLDialogElement).open) {
    return;
  }
  if (key === "Escape") {
    escape();
    return;
  }
  const isInRow = target instanceof HTMLElement && target.closest("#processes tbody") !== null;
  const name = isInRow && key === "ArrowDown" ? "j" : isInRow && key === "ArrowUp" ? "k" : key;
  const act = keys[name];
  if (act === undefined || target instanceof HTMLInputElement || target instanceof HTMLSelectElement) {
    return;
  }
  event.preventDefault();
  act();
});

filterInput.addEventListener("input", () => {
  setFilter(filterInput.value);
});
byId("controls").addEventListener("submit", (event) => {
  event.preventDefault();
});
byId("totals").addEventListener("click", toggleTotals);
byId("help").addEventListener("click", () => {
  byId("keys", HTMLDialogElement).showModal();
});
window.addEventListener("resize", draw);

ask();
