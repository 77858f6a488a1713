/** One process in detail: the breakdown of each signal, and who it talks to. */
import type { BreakdownFrame, BreakdownRow, BreakdownTable } from "../src/views/protocol.js";
import { byId, html, setText, visible } from "./dom.js";
import { bytes, count, endpoint, seconds } from "./format.js";
import type { Model, RatedLink, RatedProcess } from "./model.js";

/** The most rows of a table. */
const mostRows = 15;

/** Headings of columns that are no numbers. */
const texts = ["name", "failures", "end"];

function table(headings: readonly string[], rows: readonly (readonly string[])[], empty: string): HTMLElement {
  if (rows.length === 0) {
    return html("p", { class: "empty" }, empty);
  }
  const kind = (place: number): string | undefined => (texts.includes(headings[place] ?? "") ? "text" : undefined);
  const head = html(
    "tr",
    {},
    ...headings.map((heading, place) => html("th", { scope: "col", class: kind(place) }, heading)),
  );
  const rest = rows.length > mostRows ? [html("caption", {}, `the first ${mostRows} of ${rows.length}`)] : [];
  const lines = rows
    .slice(0, mostRows)
    .map((row) => html("tr", {}, ...row.map((text, place) => html("td", { class: kind(place) }, text))));
  return html("table", {}, ...rest, html("thead", {}, head), html("tbody", {}, ...lines));
}

/** Has any row this member? Rows without it have no column for it. */
function has(rows: readonly BreakdownRow[], member: "seconds" | "p99" | "failures"): boolean {
  return rows.some((row) => row[member] !== undefined);
}

/** A line of a breakdown with all columns that there may be. */
type Cells = [name: string, times: string, time: string, mean: string, p50: string, p99: string, failures: string];

function breakdownTable({ rows }: BreakdownTable): HTMLElement {
  const hasSeconds = has(rows, "seconds");
  const hasQuantiles = has(rows, "p99");
  const hasFailures = has(rows, "failures");
  const line = (...[name, times, time, mean, p50, p99, failures]: Cells): string[] => [
    ...[name, times],
    ...(hasSeconds ? [time, mean] : []),
    ...(hasQuantiles ? [p50, p99] : []),
    ...(hasFailures ? [failures] : []),
  ];
  const lines = rows.map(({ name, count: times, seconds: time = 0, p50 = 0, p99 = 0, failures = {} }) =>
    line(
      visible(name),
      count(times),
      seconds(time),
      seconds(times > 0 ? time / times : 0),
      seconds(p50),
      seconds(p99),
      Object.entries(failures)
        .sort(([, a], [, b]) => b - a)
        .map(([kind, number]) => `${visible(kind)} ${count(number)}`)
        .join(", "),
    ),
  );
  return table(line("name", "count", "time", "mean", "50 %", "99 %", "failures"), lines, "none");
}

function peerRows(links: readonly RatedLink[]): string[][] {
  const busiest = [...links].sort(({ row: a }, { row: b }) => b.connects + b.failures - a.connects - a.failures);
  return busiest.map(({ row }) => {
    const [service = ""] = Object.values(row.peer);
    const end = row.role === "client" ? `→ ${endpoint(row.remote, row.port)}` : `← ${row.remote} (:${row.port})`;
    return [
      service === "" ? end : `${end} ${visible(service)}`,
      count(row.connects),
      count(row.failures),
      count(row.open),
      bytes(row.sent_bytes),
      bytes(row.received_bytes),
      (row.requests ?? [])
        .map(
          ({ protocol, requests, failures }) =>
            `${protocol} ${count(requests)}${failures > 0 ? `, ${count(failures)} failed` : ""}`,
        )
        .join(", "),
    ];
  });
}

export class DrillView {
  /** The process that is shown. */
  process: RatedProcess | undefined;
  readonly #onChange: () => void;
  #breakdowns: BreakdownFrame | undefined;
  /** What had the focus before. */
  #opener: Element | null = null;

  constructor(onChange: () => void) {
    this.#onChange = onChange;
    byId("drill-close").addEventListener("click", () => {
      this.close();
    });
  }

  open(process: RatedProcess): void {
    this.process = process;
    this.#breakdowns = undefined;
    this.#opener = document.activeElement;
    byId("drill").hidden = false;
    byId("drill-close").focus();
    this.#onChange();
  }

  close(): void {
    this.process = undefined;
    byId("drill").hidden = true;
    if (this.#opener instanceof HTMLElement && this.#opener.isConnected) {
      this.#opener.focus();
    }
    this.#onChange();
  }

  takeBreakdowns(breakdowns: BreakdownFrame, model: Model): void {
    if (breakdowns.process === this.process?.row.id && !model.isAnother(this.process)) {
      this.#breakdowns = breakdowns;
    }
  }

  draw(model: Model): void {
    const { process } = this;
    if (process === undefined) {
      return;
    }
    const { id, labels } = process.row;
    const isGone = model.isAnother(process);
    setText(byId("drill-title"), [...Object.values(labels).map(visible), ...(isGone ? ["(gone)"] : [])].join(" "));
    const peers = model.links.filter(({ row }) => row.process === id && !isGone);
    byId("drill-body").replaceChildren(
      ...(this.#breakdowns?.tables ?? []).flatMap((breakdown) => [
        html("h3", {}, visible(breakdown.title), " ", html("small", {}, "since the agent began")),
        breakdownTable(breakdown),
      ]),
      html("h3", {}, "Peers ", html("small", {}, "since this page began")),
      table(["end", "conn", "fail", "open", "sent", "recv", "requests"], peerRows(peers), "none"),
    );
  }
}
