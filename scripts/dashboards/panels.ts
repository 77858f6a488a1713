/** Panels, as Grafana's own types have them; without their place on the dashboard and their id. */
import {
  AxisPlacement,
  BigValueColorMode,
  BigValueGraphMode,
  BigValueJustifyMode,
  BigValueTextMode,
  type FieldConfig,
  type FieldConfigSource,
  type GraphFieldConfig,
  type Panel as GrafanaPanel,
  PercentChangeColorMode,
  SortOrder,
  type TableOptions,
  ThresholdsMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizOrientation,
} from "@grafana/schema";
import {
  HeatmapColorMode,
  HeatmapColorScale,
  type Options as HeatmapOptions,
} from "@grafana/schema/dist/esm/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen";
import type { Options as StatOptions } from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type { Options as TimeSeriesOptions } from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";

/** A panel that has no place yet. */
export type Panel = Omit<GrafanaPanel, "id" | "gridPos">;

/** A question to Prometheus. */
interface Target extends Record<string, unknown> {
  readonly refId: string;
  readonly datasource: typeof datasource;
  readonly expr: string;
  readonly legendFormat?: string;
  readonly instant?: true;
  readonly range?: true;
  readonly exemplar?: true;
  readonly format: "time_series" | "table" | "heatmap";
}

/** What every panel says of itself. */
interface About {
  readonly title: string;
  /** What it shows exactly, for the panel's corner. */
  readonly description: string;
  /** One of Grafana's: `cps` counts a second, `percentunit` 0 to 1, `s`, `bytes`, `Bps`, `short`. */
  readonly unit: string;
}

/** The Prometheus that the dashboard's variable names. */
export const datasource = { type: "prometheus", uid: "${datasource}" } as const;

/** Leads to what one program does, from a series that has a label `comm`. */
const drillDown = {
  title: "What ${__field.labels.comm} does",
  url: "/d/ringtap-program?${datasource:queryparam}&${job:queryparam}&${instance:queryparam}&var-comm=${__field.labels.comm}&${__url_time_range}",
};

function targets(
  queries: Readonly<Record<string, string>>,
  how: Pick<Target, "format" | "instant" | "range" | "exemplar">,
): Target[] {
  return Object.entries(queries).map(([legendFormat, expr], index) => ({
    refId: String.fromCharCode("A".charCodeAt(0) + index),
    datasource,
    expr,
    legendFormat,
    ...how,
  }));
}

function panel(
  type: string,
  { title, description, unit }: About,
  asked: Target[],
  options: object,
  { defaults = {}, overrides = [] }: Partial<FieldConfigSource> = {},
): Panel {
  return {
    type,
    title,
    description,
    datasource,
    targets: asked,
    fieldConfig: { defaults: { unit, ...defaults }, overrides },
    options: { ...options },
  };
}

/** Series over time. */
export interface TimeSeries extends About {
  /** By the name that a series gets, in which `{{label}}` is a label's value. */
  readonly queries: Readonly<Record<string, string>>;
  /** Shows the slow ones that the agent names as examples. */
  readonly exemplars?: true;
  /** The series are programs: each leads to its own dashboard. */
  readonly programs?: true;
  /** The most that there can be. */
  readonly max?: number;
}

/** A graph. */
export function timeseries({ queries, exemplars, programs, max, ...about }: TimeSeries): Panel {
  const options: TimeSeriesOptions = {
    legend: { calcs: [], placement: "bottom", showLegend: true },
    tooltip: { mode: TooltipDisplayMode.Multi, sort: SortOrder.Descending },
  };
  const custom: GraphFieldConfig = {
    fillOpacity: 10,
    lineWidth: 1,
    showPoints: VisibilityMode.Never,
    spanNulls: false,
  };
  const defaults: FieldConfig = {
    min: 0,
    ...(max === undefined ? {} : { max }),
    ...(programs === undefined ? {} : { links: [drillDown] }),
    custom: { ...custom },
  };
  const asked = targets(queries, { format: "time_series", range: true, ...(exemplars && { exemplar: exemplars }) });
  return panel("timeseries", about, asked, options, { defaults });
}

/** One number. */
export interface Stat extends About {
  readonly query: string;
  /** From this value on it is bad. */
  readonly red?: number;
}

/** The latest value, large, with the way that it came. */
export function stat({ query, red, ...about }: Stat): Panel {
  const options: StatOptions = {
    colorMode: red === undefined ? BigValueColorMode.None : BigValueColorMode.Value,
    graphMode: BigValueGraphMode.Area,
    justifyMode: BigValueJustifyMode.Auto,
    orientation: VizOrientation.Auto,
    percentChangeColorMode: PercentChangeColorMode.Standard,
    reduceOptions: { calcs: ["lastNotNull"], fields: "", values: false },
    showPercentChange: false,
    textMode: BigValueTextMode.Value,
    wideLayout: true,
  };
  const bad = red === undefined ? [] : [{ color: "red", value: red }];
  const defaults: FieldConfig = {
    noValue: "none",
    thresholds: { mode: ThresholdsMode.Absolute, steps: [{ color: "green", value: null }, ...bad] },
  };
  const asked = targets({ [about.title]: query }, { format: "time_series", range: true });
  return panel("stat", about, asked, options, { defaults });
}

/** A histogram over time. */
export interface Heatmap extends About {
  readonly query: string;
}

/** How often, by time and bucket. */
export function heatmap({ query, ...about }: Heatmap): Panel {
  const options: HeatmapOptions = {
    calculate: false,
    cellGap: 1,
    cellValues: { unit: "cps" },
    color: {
      exponent: 0.5,
      fill: "dark-blue",
      mode: HeatmapColorMode.Scheme,
      reverse: false,
      scale: HeatmapColorScale.Exponential,
      scheme: "Blues",
      steps: 64,
    },
    exemplars: { color: "rgba(255,0,255,0.7)" },
    // Buckets in which nothing was counted are left white.
    filterValues: { le: 1e-9 },
    legend: { show: true },
    showValue: VisibilityMode.Never,
    tooltip: { mode: TooltipDisplayMode.Single, yHistogram: true },
    yAxis: { axisPlacement: AxisPlacement.Left, unit: about.unit },
  };
  return panel("heatmap", about, targets({ "{{le}}": query }, { format: "heatmap", range: true }), options);
}

/** Rows by labels, a column for each query. */
export interface Table extends Omit<About, "unit"> {
  readonly columns: readonly { readonly name: string; readonly unit: string; readonly query: string }[];
}

/** What was last answered, as rows; the first column of values decides their order. */
export function table({ columns, ...about }: Table): Panel {
  const [first = { name: "", unit: "none" }] = columns;
  const asked = targets(Object.fromEntries(columns.map(({ name, query }) => [name, query])), {
    format: "table",
    instant: true,
  });
  const options: TableOptions = { frameIndex: 0, showHeader: true, sortBy: [{ displayName: first.name, desc: true }] };
  const overrides = columns.map(({ name, unit }) => ({
    matcher: { id: "byName", options: name },
    properties: [{ id: "unit", value: unit }],
  }));
  const renamed = Object.fromEntries(columns.map(({ name }, index) => [`Value #${asked[index]?.refId ?? ""}`, name]));
  return {
    ...panel("table", { ...about, unit: first.unit }, asked, options, { overrides }),
    transformations: [
      { id: "merge", options: {} },
      { id: "organize", options: { excludeByName: { Time: true }, indexByName: {}, renameByName: renamed } },
    ],
  };
}
