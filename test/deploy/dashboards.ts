/** The dashboards of deploy/grafana/, as far as tests look into them. */
import { listFolder, readDocument } from "../docs/documents.js";

/** A place on Grafana's grid, which is 24 wide. */
interface Place {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: Place;
  readonly targets?: readonly { readonly refId: string; readonly expr: string; readonly legendFormat?: string }[];
  readonly fieldConfig?: {
    readonly defaults: { readonly unit?: string; readonly links?: readonly { readonly url: string }[] };
  };
}

export interface Variable {
  readonly name: string;
  readonly type: string;
  readonly query: string | { readonly query: string };
}

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly links: readonly { readonly type: string; readonly tags: readonly string[]; readonly includeVars: boolean }[];
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly Variable[] };
}

/** What a variable asks for its values: those of `label`, on series of `selector`. */
export interface LabelValues {
  readonly name: string;
  readonly selector: string;
  readonly label: string;
}

/** All dashboards, by the names of their files. */
export const dashboards: ReadonlyMap<string, Dashboard> = new Map(
  listFolder("deploy/grafana").map((name) => [name, JSON.parse(readDocument(`deploy/grafana/${name}`)) as Dashboard]),
);

/** The queries of a dashboard's panels. */
export function panelQueries({ panels }: Dashboard): readonly { readonly title: string; readonly expr: string }[] {
  return panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })));
}

/** What its variables ask. */
export function labelValues({ templating }: Dashboard): readonly LabelValues[] {
  return templating.list.flatMap(({ name, query }) => {
    const [, selector = "", label = ""] =
      typeof query === "string" ? [] : (/^label_values\((.*), (\w+)\)$/.exec(query.query) ?? []);
    return selector === "" ? [] : [{ name, selector, label }];
  });
}

/** A query as Grafana sends it, with these values of the dashboard's variables. */
export function substituted(query: string, values: Readonly<Record<string, string>>): string {
  return query.replaceAll(/\$(\w+)/g, (variable, name: string) => values[name] ?? variable);
}
