/** A scope of metrics in the place of another: what a signal that is replaced declares anew. */
import assert from "node:assert/strict";
import { test } from "node:test";

import type { AnyTable } from "../../src/metrics/any-table.js";
import { Catalog } from "../../src/metrics/catalog.js";
import { Dimension } from "../../src/metrics/dimension.js";

const subject = new Dimension(["comm"]);
const named = (name: string) => ({ name, help: "Help.", subject });

function names(catalog: Catalog): string[] {
  return [...catalog].map(({ name }) => name);
}

test("tables take the places of those of the same name, all at once; a render under way meets each name once", () => {
  const catalog = new Catalog();
  const old = catalog.scope();
  const kept = old.counter(named("kept_total"));
  old.counter(named("gone_total"));
  catalog.counter(named("other_total"));
  const next = catalog.scope(old);
  next.gauge(named("new"));
  const anew = next.counter(named("kept_total"));
  assert.deepEqual(names(catalog), ["kept_total", "gone_total", "other_total"]);
  const render = catalog[Symbol.iterator]();
  assert.equal(render.next().value, kept);
  next.publish();
  assert.deepEqual(names(catalog), ["kept_total", "other_total", "new"]);
  assert.equal([...catalog][0], anew);
  assert.deepEqual(
    [render.next(), render.next()].map(({ value }) => (value as AnyTable).name),
    ["other_total", "new"],
  );
  old.close();
  assert.deepEqual(names(catalog), ["kept_total", "other_total", "new"]);
  next.close();
  assert.deepEqual(names(catalog), ["other_total"]);
});

test("names of others, and names that come twice, are refused; what is given up leaves all as it was", () => {
  const catalog = new Catalog();
  const old = catalog.scope();
  const kept = old.counter(named("kept_total"));
  catalog.counter(named("other_total"));
  const next = catalog.scope(old);
  next.counter(named("kept_total"));
  assert.throws(() => next.counter(named("kept_total")), /metric "kept_total": declared twice/);
  assert.throws(() => next.counter(named("other_total")), /metric "other_total": declared twice/);
  next.close();
  assert.deepEqual(names(catalog), ["kept_total", "other_total"]);
  assert.equal([...catalog][0], kept);
});
