/** Dashboards: panels in rows, the variables that they use, and the way from one to the next. */
import {
  type Dashboard,
  DashboardCursorSync,
  type Panel as PlacedPanel,
  type RowPanel,
  type VariableModel,
  VariableRefresh,
  VariableSort,
} from "@grafana/schema";

import { datasource, type Panel } from "./panels.js";

/** Panels under a heading, each line of them as wide as the dashboard. */
export interface Row {
  readonly title: string;
  readonly lines: readonly (readonly Panel[])[];
}

/** A dashboard before its panels have places. */
export interface Plan {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly variables: readonly VariableModel[];
  readonly rows: readonly Row[];
}

/** Grafana's grid is this wide. */
const gridWidth = 24;

/** The version of the dashboard format: that of Grafana 11, which later ones bring up to date themselves. */
const schemaVersion = 39;

/** A variable with the values that a label has, all of them at first. */
export function labelVariable(name: string, selector: string, label = name): VariableModel {
  return {
    name,
    type: "query",
    datasource,
    query: { query: `label_values(${selector}, ${label})`, refId: name },
    refresh: VariableRefresh.onTimeRangeChanged,
    sort: VariableSort.alphabeticalAsc,
    includeAll: true,
    // Series without the label are among all.
    allValue: ".*",
    multi: true,
    current: { text: "All", value: "$__all" },
  };
}

const datasourceVariable: VariableModel = {
  name: "datasource",
  label: "Prometheus",
  type: "datasource",
  query: "prometheus",
  current: { text: "default", value: "default" },
};

const heightOf = (panel: Panel): number => (panel.type === "stat" ? 4 : 8);

/** The panels of rows, one line below the other. */
function place(rows: readonly Row[]): (PlacedPanel | RowPanel)[] {
  const placed: (PlacedPanel | RowPanel)[] = [];
  let y = 0;
  for (const { title, lines } of rows) {
    const heading = { x: 0, y, w: gridWidth, h: 1 };
    placed.push({ id: placed.length + 1, type: "row", title, collapsed: false, panels: [], gridPos: heading });
    y += 1;
    for (const line of lines) {
      const w = gridWidth / line.length;
      const h = Math.max(...line.map(heightOf));
      line.forEach((panel, index) => {
        placed.push({ ...panel, id: placed.length + 1, gridPos: { x: index * w, y, w, h } });
      });
      y += h;
    }
  }
  return placed;
}

/** The dashboard of a plan, as Grafana imports it. */
export function dashboard({ uid, title, description, variables, rows }: Plan): Dashboard {
  return {
    uid,
    title,
    description,
    tags: ["ringtap"],
    schemaVersion,
    editable: true,
    graphTooltip: DashboardCursorSync.Crosshair,
    time: { from: "now-1h", to: "now" },
    refresh: "30s",
    links: [
      {
        type: "dashboards",
        title: "ringtap",
        tags: ["ringtap"],
        asDropdown: false,
        icon: "external link",
        includeVars: true,
        keepTime: true,
        targetBlank: false,
        tooltip: "",
        url: "",
      },
    ],
    templating: { list: [datasourceVariable, ...variables] },
    panels: place(rows),
  };
}
