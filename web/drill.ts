/** One process looked into: what its signals tell apart, and who it talks to. */
import type { BreakdownFrame, BreakdownRow } from "../src/views/protocol.js";
import { byId, html, setText, visible } from "./dom.js";
import { bytes, count, endpoint, seconds } from "./format.js";
import type { Model, RatedEdge, RatedProcess } from "./model.js";

/** The most rows of a table. */
const mostRows = 15;

function table(headings: readonly string[], rows: readonly (readonly string[])[], empty: string): HTMLElement {
  if (rows.length === 0) {
    return html("p", { class: "empty" }, empty);
  }
  const head = html("tr", {}, ...headings.map((heading) => html("th", { scope: "col" }, heading)));
  const rest = rows.length > mostRows ? [html("caption", {}, `the first ${mostRows} of ${rows.length}`)] : [];
  const lines = rows.slice(0, mostRows).map((row) => html("tr", {}, ...row.map((text) => html("td", {}, text))));
  return html("table", {}, ...rest, html("thead", {}, head), html("tbody", {}, ...lines));
}

function breakdownRows(rows: readonly BreakdownRow[]): string[][] {
  return rows.map(({ name, count: times, seconds: time, failures: errors }) => [
    name,
    count(times),
    seconds(time),
    seconds(times > 0 ? time / times : 0),
    Object.entries(errors)
      .sort(([, a], [, b]) => b - a)
      .map(([errno, failures]) => `${errno} ${count(failures)}`)
      .join(", "),
  ]);
}

function peerRows(edges: readonly RatedEdge[]): string[][] {
  const busiest = [...edges].sort(({ row: a }, { row: b }) => b.connects + b.failures - a.connects - a.failures);
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
    ];
  });
}

export class DrillView {
  /** The process that is looked into. */
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
    const peers = model.edges.filter(({ row }) => row.process === id && !isGone);
    byId("drill-body").replaceChildren(
      ...Object.values(this.#breakdowns?.signals ?? {}).flatMap(({ title, rows }) => [
        html("h3", {}, visible(title), " ", html("small", {}, "since the agent began")),
        table(["name", "count", "time", "mean", "failures"], breakdownRows(rows), "none"),
      ]),
      html("h3", {}, "Peers ", html("small", {}, "since this page began")),
      table(["end", "conn", "fail", "open", "sent", "recv"], peerRows(peers), "none"),
    );
  }
}
