import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";

import { Identity } from "../../src/identity/identity.js";
import { createLive } from "../../src/views/live.js";
import { expireUnread } from "../../src/views/snapshot-reads.js";
import { Catalog } from "../../src/metrics/catalog.js";

/** Tables with a process that can exit; `collect` may fail a snapshot of them. */
function tables(collect = (): Promise<void> => Promise.resolve()) {
  const catalog = new Catalog({ retentionMs: 0 });
  const identity = new Identity(catalog, ["pid", "comm"]);
  const { subjects } = identity;
  const live = createLive({ catalog, identity, signals: [], collect, utc: String });
  return {
    live,
    exit: (): void => {
      catalog.retention.end(subjects, subjects.intern("1", "gone"), 0);
    },
    scrape: (): void => {
      catalog.renders.ended(catalog.renders.began(), true);
    },
    /** Label sets that expire now. */
    gone: (): number => catalog.retention.expire(1),
    catalog,
  };
}

test("series of ended processes wait for a scrape where there are any, and for a snapshot where there are none", async () => {
  for (const isScraped of [false, true]) {
    const { live, exit, scrape, gone } = tables();
    if (isScraped) {
      scrape();
    }
    exit();
    await live.snapshot();
    assert.equal(gone(), isScraped ? 0 : 1);
    scrape();
    assert.equal(gone(), isScraped ? 1 : 0);
  }
});

test("a snapshot that fails has shown nothing", async () => {
  const { live, exit, gone } = tables(() => Promise.reject(new Error("no map")));
  exit();
  await assert.rejects(live.snapshot(), /no map/);
  assert.equal(gone(), 0);
});

test("series that nothing reads expire after five minutes, but not while they are read", (t: TestContext) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const { exit, scrape, gone, catalog } = tables();
  const stop = expireUnread(catalog);
  scrape();
  exit();
  t.mock.timers.tick(300_000);
  assert.equal(gone(), 0);
  t.mock.timers.tick(299_999);
  assert.equal(gone(), 0);
  t.mock.timers.tick(1);
  assert.equal(gone(), 1);
  stop();
  exit();
  t.mock.timers.tick(600_000);
  assert.equal(gone(), 0);
});
