/** The dashboards: as Grafana imports them, in the chart too, about metrics that there are. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { stringify } from "yaml";

import { render } from "./chart.js";
import { dashboards, labelValues, panelQueries, substituted } from "./dashboards.js";
import { checkFiles, metricsOf, undocumented } from "./queries.js";

/** Of Prometheus itself. */
const ofPrometheus = ["up"];

const all = [...dashboards.values()];

it("the chart's ConfigMap has them all", () => {
  const maps = render({ dashboard: { enabled: true } }) as unknown as readonly { data?: Record<string, string> }[];
  const files = maps.flatMap(({ data = {} }) => Object.entries(data)).filter(([name]) => name.endsWith(".json"));
  assert.deepEqual(
    new Map(files.map(([name, json]) => [name, JSON.parse(json) as unknown])),
    new Map([...dashboards].toSorted(([one], [other]) => one.localeCompare(other))),
  );
});

it("their links lead to each other", () => {
  const addresses = all.map(({ uid }) => `/d/${uid}`);
  const links = all.flatMap(({ panels }) => panels.flatMap(({ fieldConfig }) => fieldConfig?.defaults.links ?? []));
  assert.ok(links.length > 0);
  for (const { url } of links) {
    assert.ok(addresses.includes(url.slice(0, url.indexOf("?"))), url);
  }
  for (const { title, tags, links } of all) {
    assert.deepEqual(
      links.map(({ type, tags, includeVars }) => ({ type, tags, includeVars })),
      [{ type: "dashboards", tags, includeVars: true }],
      title,
    );
  }
});

it("they have names of their own", () => {
  assert.equal(new Set(all.map(({ uid }) => uid)).size, dashboards.size);
  assert.equal(new Set(all.map(({ title }) => title)).size, dashboards.size);
  assert.deepEqual(
    all.map(({ uid }) => `${uid}.json`),
    [...dashboards.keys()],
  );
});

for (const [name, dashboard] of dashboards) {
  describe(name, () => {
    const { panels, templating } = dashboard;
    const queries = panelQueries(dashboard);
    const shown = panels.filter(({ type }) => type !== "row");

    it("asks for documented metrics", () => {
      for (const { title, expr } of queries) {
        assert.deepEqual(
          undocumented(expr).filter((metric) => !ofPrometheus.includes(metric)),
          [],
          title,
        );
        assert.notDeepEqual(metricsOf(expr), [], title);
      }
    });

    it("asks in PromQL", () => {
      const values = { __rate_interval: "1m", __range: "1h" };
      const rules = queries.map(({ expr }, index) => ({
        record: `panel:${index}`,
        expr: substituted(expr, values),
      }));
      const { status, output } = checkFiles(["check", "rules"], {
        "panels.yaml": stringify({ groups: [{ name: "panels", rules }] }),
      });
      assert.equal(status, 0, output);
    });

    it("knows the variables that it uses, uses those that it has, and asks documented metrics for their values", () => {
      const known = templating.list.map(({ name }) => name);
      const used = Array.from(JSON.stringify(dashboard).matchAll(/\$\{?(\w+)/g), ([, name = ""]) => name).filter(
        (name) => !name.startsWith("__"),
      );
      assert.deepEqual([...new Set(used)].toSorted(), known.toSorted());
      assert.equal(labelValues(dashboard).length, templating.list.length - 1);
      for (const { selector } of labelValues(dashboard)) {
        const [names = ""] = /[\w|]+(?=[{"]|$)/.exec(selector.replace("{__name__=~", "")) ?? [];
        for (const metric of names.split("|")) {
          assert.deepEqual(metricsOf(metric), [metric], selector);
        }
      }
    });

    it("has a unit and a description for each panel, and a name of its own for each of its series", () => {
      for (const { title, description = "", fieldConfig, targets = [] } of shown) {
        assert.match(title, /^\S/);
        assert.match(description, /\.$/, title);
        assert.ok(fieldConfig?.defaults.unit, title);
        const legends = targets.map(({ legendFormat }) => legendFormat);
        assert.ok(legends.length > 0 && !legends.includes(undefined), title);
        assert.equal(new Set(legends).size, legends.length, title);
        assert.equal(new Set(targets.map(({ refId }) => refId)).size, targets.length, title);
      }
      assert.equal(new Set(panels.map(({ title }) => title)).size, panels.length);
    });

    it("names series by labels that they have", () => {
      for (const { title, targets = [] } of shown) {
        for (const { expr, legendFormat = "" } of targets) {
          for (const [, label = ""] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) {
            const grouped = /\bby \(/.test(expr);
            assert.ok(!grouped || new RegExp(`by \\((\\w+, )*${label}\\b`).test(expr), `${title}: ${label}`);
          }
        }
      }
    });

    it("has a place of its own on the grid for each panel", () => {
      const cells = panels.flatMap(({ title, gridPos: { x, y, w, h } }) => {
        assert.ok(Number.isInteger(w) && x + w <= 24, title);
        return Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)},${y + Math.floor(cell / w)}`);
      });
      assert.equal(new Set(cells).size, cells.length);
      assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
    });
  });
}
