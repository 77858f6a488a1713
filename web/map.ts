/** The map of links: who connects on the left, who listens on the right, failures in red. */
import { byId, offer, setText, svg, visible } from "./dom.js";
import type { Filter } from "./filter.js";
import { bytes, count, seconds } from "./format.js";
import { type Graph, type GraphLine, type GraphNode, graphOf, type Measure } from "./graph.js";
import { apart, groupings } from "./grouping.js";
import type { Model } from "./model.js";

/** Pixels from one node to the next: as there is room; and at the top. */
const leastStep = 22;
const mostStep = 40;
const top = 8;

/** Pixels of the widest line. */
const widest = 9;

/** Nodes of each side. */
const mostNodes = 16;

/** Lines that have a text, at the most: more would lie upon each other. */
const mostTexts = 12;

function isMeasure(value: string): value is Measure {
  return value === "connects" || value === "requests" || value === "bytes" || value === "open";
}

/** A text that fits into so many characters. */
function shortened(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

export class MapView {
  readonly #picture = document.querySelector("#map svg") as SVGSVGElement;
  readonly #group = byId("map-group", HTMLSelectElement);
  readonly #measure = byId("map-measure", HTMLSelectElement);

  /** `onChange` is called when it is to be drawn in another way. */
  constructor(onChange: () => void) {
    this.#group.addEventListener("change", onChange);
    this.#measure.addEventListener("change", onChange);
  }

  draw(model: Model, filter: Filter): void {
    const names = Object.keys(model.processes[0]?.row.labels ?? {});
    offer(this.#group, [...groupings(names), ...(names.includes("pid") ? [apart] : [])]);
    const measure = isMeasure(this.#measure.value) ? this.#measure.value : "connects";
    const links = model.links.filter(
      ({ row }) =>
        filter.matches(row.labels) || filter.matches({ remote: row.remote, port: `${row.port}`, ...row.peer }),
    );
    const graph = graphOf(links, this.#group.value, measure, mostNodes);
    this.#picture.replaceChildren(...this.#drawn(graph, measure));
    this.#note(graph, links, model.links.length);
  }

  #note({ clients, servers, hidden }: Graph, links: Model["links"], all: number): void {
    const connects = links.reduce((sum, { rates }) => sum + rates.connects, 0);
    const requests = links.reduce((sum, { rates }) => sum + rates.requests, 0);
    const failures = links.reduce((sum, { rates }) => sum + rates.failures + rates.request_failures, 0);
    const parts = [
      `${clients.length} → ${servers.length}`,
      `${count(connects)} conn/s`,
      ...(requests > 0 ? [`${count(requests)} req/s`] : []),
      ...(failures > 0 ? [`${count(failures)} failing/s`] : []),
      ...(hidden > 0 ? [`${hidden} more`] : []),
    ];
    setText(byId("map-note"), links.length === 0 ? (all === 0 ? "none yet" : `none of ${all}`) : parts.join(", "));
  }

  #drawn(graph: Graph, measure: Measure): SVGElement[] {
    const width = this.#picture.clientWidth || 600;
    const rows = Math.max(1, graph.clients.length, graph.servers.length);
    const room = (this.#picture.parentElement?.clientHeight ?? 0) - 2 * top - 2;
    const step = Math.min(mostStep, Math.max(leastStep, Math.floor(room / rows)));
    const height = top * 2 + step * rows;
    this.#picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.#picture.setAttribute("height", `${height}`);
    const left = width * 0.34;
    const right = width * 0.62;
    const characters = Math.floor((left - 16) / 6.7);
    const y = (nodes: readonly GraphNode[]): Map<GraphNode, number> =>
      new Map(nodes.map((node, index) => [node, top + step * (index + 0.5)]));
    const clients = y(graph.clients);
    const servers = y(graph.servers);
    const most = Math.max(1e-9, ...graph.lines.map(({ value }) => value));
    const lines = graph.lines.map((line) =>
      this.#line(line, [left, clients.get(line.from) ?? 0], [right, servers.get(line.to) ?? 0], most, measure),
    );
    const labels = [
      ...graph.clients.map((node) => this.#label(node, left, clients.get(node) ?? 0, "end", characters, measure)),
      ...graph.servers.map((node) =>
        this.#label(node, right, servers.get(node) ?? 0, "start", characters + 3, measure),
      ),
    ];
    const texts =
      graph.lines.length > mostTexts
        ? []
        : graph.lines.flatMap((line) =>
            this.#protocols(
              line,
              (left + right) / 2,
              ((clients.get(line.from) ?? 0) + (servers.get(line.to) ?? 0)) / 2,
            ),
          );
    return [...lines, ...texts, ...labels];
  }

  /** The protocols of a line's requests, and how many there are a second, at its middle. */
  #protocols({ requests, asking }: GraphLine, x: number, y: number): SVGElement[] {
    const names = [...requests.keys()].join(" ");
    return names === ""
      ? []
      : [
          svg(
            "text",
            { x: `${x}`, y: `${y - 4}`, "text-anchor": "middle", class: "protocol" },
            `${names} ${count(asking)}/s`,
          ),
        ];
  }

  #line(
    line: GraphLine,
    [x1, y1]: readonly [number, number],
    [x2, y2]: readonly [number, number],
    most: number,
    measure: Measure,
  ): SVGElement {
    const middle = (x1 + x2) / 2;
    const d = `M${x1 + 6},${y1} C${middle},${y1} ${middle},${y2} ${x2 - 6},${y2}`;
    const { value, failing, asking, connects, failures, open, requests } = line;
    const width = value > 0 ? 1.25 + (widest - 1.25) * Math.sqrt(value / most) : 1;
    const isFailing = failing > 0 || (failures > 0 && connects === 0);
    const kind = [value > 0 ? "busy" : "idle", ...(isFailing ? ["bad"] : [])].join(" ");
    const amount = measure === "bytes" ? `${bytes(value)}/s` : measure === "open" ? "" : `${count(value)}/s`;
    const asked = Array.from(
      requests.values(),
      ({ protocol, requests, failures, p99 }) =>
        `${protocol}: ${count(requests)} requests, ${count(failures)} failed, 99 % within ${seconds(p99)}`,
    );
    const title = [
      `${visible(line.from.name)} → ${visible(line.to.name)}`,
      ...[amount, `${count(connects)} connects`, `${count(failures)} failures`, `${count(open)} open`],
      ...(asked.length > 0 ? [`${count(asking)} requests/s`, ...asked] : []),
    ];
    return svg(
      "path",
      { d, class: kind, "stroke-width": width.toFixed(2), "data-from": line.from.name, "data-to": line.to.name },
      svg("title", {}, title.filter((part) => part !== "").join("\n")),
    );
  }

  #label(
    node: GraphNode,
    x: number,
    y: number,
    anchor: "start" | "end",
    characters: number,
    measure: Measure,
  ): SVGElement {
    const away = anchor === "end" ? -6 : 6;
    const name = visible(node.name);
    const amount = node.value === 0 ? "" : measure === "bytes" ? bytes(node.value) : count(node.value);
    const kind = [node.isLocal ? "local" : "remote", ...(node.failing > 0 ? ["bad"] : [])].join(" ");
    return svg(
      "g",
      { class: kind },
      svg("circle", { cx: `${x}`, cy: `${y}`, r: "3.5" }),
      svg(
        "text",
        { x: `${x + away}`, y: `${y}`, "text-anchor": anchor },
        shortened(name, characters - amount.length - 1),
        svg("tspan", { dx: "6" }, amount),
        svg("title", {}, name),
      ),
    );
  }
}
