/** The dashboard of the chart asks for metrics that there are, in queries that Prometheus understands. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { stringify } from "yaml";

import { chartFile, render } from "./chart.js";
import { checkFiles, metricsOf, undocumented } from "./queries.js";

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string }[];
}

interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly query: string | { query: string } }[];
  };
}

const text = chartFile("files/dashboard.json");
const { panels, templating } = JSON.parse(text) as Dashboard;
const queries = panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })));

describe("the dashboard", () => {
  it("is the ConfigMap's", () => {
    const maps = render({ dashboard: { enabled: true } }) as unknown as readonly { data?: Record<string, string> }[];
    const data = maps.flatMap((object) => object.data?.["ringtap.json"] ?? []);
    assert.deepEqual(
      data.map((json) => JSON.parse(json) as unknown),
      [JSON.parse(text)],
    );
  });

  it("asks for documented metrics", () => {
    for (const { title, expr } of queries) {
      assert.deepEqual(undocumented(expr), [], title);
      assert.notDeepEqual(metricsOf(expr), [], title);
    }
  });

  it("asks in PromQL", () => {
    const rules = queries.map(({ expr }, index) => ({
      record: `panel:${index}`,
      expr: expr.replaceAll("$__rate_interval", "1m").replaceAll(/\$\w+/g, ".*"),
    }));
    const { status, output } = checkFiles(["check", "rules"], {
      "panels.yaml": stringify({ groups: [{ name: "panels", rules }] }),
    });
    assert.equal(status, 0, output);
  });

  it("knows the variables that it uses, whose values come from documented metrics", () => {
    const known = templating.list.map(({ name }) => name);
    const used = Array.from(text.matchAll(/\$\{?(\w+)/g), ([, name = ""]) => name).filter(
      (name) => !name.startsWith("__"),
    );
    assert.deepEqual([...new Set(used)].toSorted(), known.toSorted());
    for (const { query } of templating.list) {
      if (typeof query !== "string") {
        const [, metric = ""] = /^label_values\((\w+)/.exec(query.query) ?? [];
        assert.deepEqual(metricsOf(metric), [metric]);
      }
    }
  });

  it("has a place of its own for each panel", () => {
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)},${y + Math.floor(cell / w)}`),
    );
    assert.equal(new Set(cells).size, cells.length);
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
  });
});
