/** The table of processes: sorted, filtered, and followed by the keyboard. */
import type { Column } from "../src/views/protocol.js";
import { byId, html, offer, setText, visible } from "./dom.js";
import type { Filter } from "./filter.js";
import { exact, quantity, rate } from "./format.js";
import { apart, Grouping, groupings } from "./grouping.js";
import type { Model, RatedProcess } from "./model.js";

/** The most rows drawn; a filter finds the others. */
const mostRows = 100;

/** A row of the table, kept as long as its process is shown. */
interface Line {
  readonly element: HTMLTableRowElement;
  readonly button: HTMLButtonElement;
  readonly labels: readonly HTMLTableCellElement[];
  readonly numbers: readonly HTMLTableCellElement[];
}

export class ProcessesView {
  /** Totals rather than rates? */
  showsTotals = false;
  readonly #open: (process: RatedProcess) => void;
  readonly #narrow: (filter: string) => void;
  readonly #group = byId("processes-group", HTMLSelectElement);
  readonly #grouping = new Grouping();
  readonly #head: HTMLElement;
  readonly #body: HTMLElement;
  readonly #lines = new Map<number, Line>();
  /** Those that signals declare. */
  #columns: readonly Column[] = [];
  /** What the heading has been drawn for. */
  #drawn = "";
  /** Empty for the first column. */
  #chosenKey = "";
  #isAscending = false;
  #redraw: () => void = () => undefined;

  /** `open` gets the process that is chosen, `narrow` the filter that leaves those of a group. */
  constructor(open: (process: RatedProcess) => void, narrow: (filter: string) => void) {
    this.#open = open;
    this.#narrow = narrow;
    this.#group.addEventListener("change", () => {
      this.#redraw();
    });
    const table = byId("processes");
    this.#head = table.querySelector("thead") as HTMLElement;
    this.#body = table.querySelector("tbody") as HTMLElement;
  }

  draw(model: Model, filter: Filter): void {
    this.#redraw = () => {
      this.draw(model, filter);
    };
    offer(this.#group, [apart, ...groupings(Object.keys(model.processes[0]?.row.labels ?? {}))]);
    const filtered = model.processes.filter(({ row }) => filter.matches(row.labels));
    const found = this.#grouping.by(this.#group.value, filtered);
    const names = Object.keys(found[0]?.row.labels ?? {});
    this.#columns = model.columns;
    const drawn = JSON.stringify([names, this.#columns]);
    if (names.length > 0 && drawn !== this.#drawn) {
      this.#drawn = drawn;
      this.#begin(names);
    }
    this.#markSorted();
    const shown = [...found].sort(this.#order()).slice(0, mostRows);
    const elements = shown.map((process) => this.#line(process, names));
    const tops = this.#columns.map((column) => Math.max(1e-9, ...shown.map((process) => this.#value(process, column))));
    for (const [index, process] of shown.entries()) {
      this.#fill(elements[index] as Line, process, names, tops);
    }
    this.#place(elements, shown);
    const hidden = model.frame?.hidden ?? 0;
    const all = `${filtered.length} of ${model.processes.length + hidden}`;
    setText(byId("processes-note"), found.length > mostRows ? `${all}, the first ${mostRows} shown` : all);
  }

  /** Sorts by the column so many places further. */
  sortBy(step: number): void {
    const columns = this.#columns;
    const place = columns.findIndex(({ key }) => key === this.#sortKey);
    const next = columns[(place + step + columns.length) % columns.length];
    if (next !== undefined) {
      this.#sort(next.key, false);
    }
  }

  /** Moves the focus by so many rows. */
  move(step: number): void {
    const buttons = [...this.#body.querySelectorAll("button")];
    const at = buttons.findIndex((button) => button === document.activeElement);
    buttons[Math.min(buttons.length - 1, Math.max(0, at < 0 ? 0 : at + step))]?.focus();
  }

  /** The column that is sorted by: the first one until another is chosen, and when that one is there no more. */
  get #sortKey(): string {
    const [first] = this.#columns;
    return this.#columns.some(({ key }) => key === this.#chosenKey) ? this.#chosenKey : (first?.key ?? "");
  }

  #value({ row, rates }: RatedProcess, { key }: Column): number {
    return (this.showsTotals ? row.totals[key] : rates[key]) ?? 0;
  }

  /**
   * The busiest first; those that do the same by what they have done altogether. Rows stay where they are while the pointer or the
   * focus is among them.
   */
  #order(): (a: RatedProcess, b: RatedProcess) => number {
    const key = this.#sortKey;
    const sign = this.#isAscending ? 1 : -1;
    const value = ({ row, rates }: RatedProcess): number => (this.showsTotals ? row.totals[key] : rates[key]) ?? 0;
    const isHeld = this.#body.matches(":hover") || this.#body.contains(document.activeElement);
    const held = new Map(isHeld ? [...this.#lines].map(([id, { element }]) => [id, element.sectionRowIndex]) : []);
    const place = ({ row }: RatedProcess): number => held.get(row.id) ?? mostRows;
    return (a, b) =>
      place(a) - place(b) ||
      sign * (value(a) - value(b)) ||
      sign * ((a.row.totals[key] ?? 0) - (b.row.totals[key] ?? 0)) ||
      a.row.id - b.row.id;
  }

  #sort(key: string, isAscending: boolean): void {
    this.#chosenKey = key;
    this.#isAscending = isAscending;
    this.#redraw();
  }

  #begin(names: readonly string[]): void {
    this.#lines.clear();
    this.#body.replaceChildren();
    const labels = names.map((name) => html("th", { scope: "col", class: "label" }, name));
    const numbers = this.#columns.map(({ key, heading = key, help, isDetail }) => {
      const button = html("button", { type: "button", title: help, "data-sort": key }, heading.toLowerCase());
      button.addEventListener("click", () => {
        this.#sort(key, key === this.#sortKey && !this.#isAscending);
      });
      return html("th", { scope: "col", class: isDetail === true ? "minor" : undefined, "data-key": key }, button);
    });
    this.#head.replaceChildren(html("tr", {}, ...labels, ...numbers));
  }

  #markSorted(): void {
    const order = this.#isAscending ? "ascending" : "descending";
    for (const cell of this.#head.querySelectorAll<HTMLElement>("[data-key]")) {
      if (cell.dataset.key === this.#sortKey) {
        cell.setAttribute("aria-sort", order);
      } else {
        cell.removeAttribute("aria-sort");
      }
    }
  }

  #line(process: RatedProcess, names: readonly string[]): Line {
    const { id } = process.row;
    const found = this.#lines.get(id);
    if (found !== undefined) {
      return found;
    }
    const button = html("button", { type: "button" });
    const labels = names.map((name) => html("td", { class: "label", "data-label": name }));
    const place = this.#group.value === apart ? Math.max(0, names.indexOf("comm")) : 0;
    labels[place]?.append(button);
    const numbers = this.#columns.map(({ key, isFailure, isDetail }) => {
      const kinds = [isFailure === true ? "bad" : "", isDetail === true ? "minor" : ""].filter((kind) => kind !== "");
      return html("td", { class: kinds.join(" ") || undefined, "data-key": key });
    });
    const element = html("tr", {}, ...labels, ...numbers);
    const line = { element, button, labels, numbers };
    this.#lines.set(id, line);
    return line;
  }

  #fill(line: Line, process: RatedProcess, names: readonly string[], tops: readonly number[]): void {
    for (const [index, name] of names.entries()) {
      const cell = line.labels[index] as HTMLElement;
      const text = visible(process.row.labels[name] ?? "");
      setText(cell.contains(line.button) ? line.button : cell, text);
      cell.title = text;
    }
    for (const [index, column] of this.#columns.entries()) {
      const cell = line.numbers[index] as HTMLElement;
      const value = this.#value(process, column);
      setText(cell, (this.showsTotals ? quantity(column) : rate(column))(value));
      cell.title = `${column.help}: ${exact(process.row.totals[column.key] ?? 0)} in all`;
      cell.dataset.total = `${process.row.totals[column.key] ?? 0}`;
      cell.classList.toggle("zero", value === 0);
      cell.style.setProperty("--share", `${((100 * value) / (tops[index] as number)).toFixed(1)}%`);
    }
    line.element.onclick = () => {
      this.#choose(process);
    };
  }

  /** Opens a process, or takes a group apart. */
  #choose(process: RatedProcess): void {
    const label = this.#group.value;
    if (label === apart) {
      this.#open(process);
      return;
    }
    this.#group.value = apart;
    this.#narrow(`${label}:${process.row.labels[label] ?? ""}`);
  }

  /** Puts the rows in their order, moving none that is where it belongs: the focus stays. */
  #place(lines: readonly Line[], shown: readonly RatedProcess[]): void {
    for (const [index, { element }] of lines.entries()) {
      const there = this.#body.children[index];
      if (there !== element) {
        this.#putBefore(element, there);
      }
    }
    while (this.#body.children.length > lines.length) {
      this.#body.lastElementChild?.remove();
    }
    const ids = new Set(shown.map(({ row }) => row.id));
    for (const id of this.#lines.keys()) {
      if (!ids.has(id)) {
        this.#lines.delete(id);
      }
    }
  }

  #putBefore(element: HTMLElement, there: Element | undefined): void {
    const focused = element.contains(document.activeElement) ? (document.activeElement as HTMLElement) : undefined;
    this.#body.insertBefore(element, there ?? null);
    focused?.focus({ preventScroll: true });
  }
}
