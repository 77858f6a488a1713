/** The limit over all metrics: no format is larger, and no count is lost. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Registry } from "prom-client";
import type { Format } from "../../src/exposition/formats.js";
import { createBody } from "../../src/exposition/metrics-body.js";
import { Catalog } from "../../src/metrics/catalog.js";
import { Dimension } from "../../src/metrics/dimension.js";

const formats: readonly Format[] = ["text", "openmetrics", "protobuf"];
const bytes = 1_000_000;

async function sizeOf(pieces: AsyncIterable<Buffer>): Promise<number> {
  let size = 0;
  for await (const piece of pieces) {
    size += piece.length;
  }
  return size;
}

/** Tables as the signals have them: two counters and a histogram by name, over 40 system calls. */
function makeTables(budget: { readonly series: number; readonly bytes: number }) {
  const catalog = new Catalog({ budget, retentionMs: 30_000 });
  const subject = new Dimension(["pid", "comm"]);
  const comms = new Dimension(["comm"]);
  const detail = new Dimension(["syscall"]);
  const calls = Array.from({ length: 40 }, (_, nr) => detail.intern(`syscall_${nr}`));
  const count = catalog.counter({ name: "ringtap_syscalls_total", help: "Calls.", subject, detail });
  const seconds = catalog.counter({ name: "ringtap_syscall_seconds_total", help: "Time.", subject, detail });
  const duration = catalog.histogram({ name: "ringtap_syscall_duration_seconds", help: "T.", subject: comms, detail });
  const exits = catalog.counter({ name: "ringtap_process_exits_total", help: "Exits.", subject: comms });
  return {
    catalog,
    count,
    seconds,
    duration,
    exits,
    subject,
    /** A process that makes each call once and ends. */
    run(pid: number, name: string, now: number): void {
      const [id, comm] = [subject.intern(`${pid}`, name), comms.intern(name)];
      for (const call of calls) {
        count.add(id, call, 1);
        seconds.add(id, call, 0.25);
        duration.observe(comm, call, 1e6);
      }
      exits.add(comm, 0, 1);
      catalog.retention.end(subject, id, now);
      catalog.retention.end(comms, comm, now);
    },
  };
}

for (const [what, budget] of [
  ["bytes", { series: Infinity, bytes }],
  ["series", { series: 10_000, bytes: Infinity }],
] as const) {
  test(`thousands of short processes stay within a limit of ${what} in every format, and their sums are exact`, async () => {
    const made = makeTables(budget);
    const { catalog, count, seconds, duration, exits, subject } = made;
    const body = createBody({ registry: new Registry(), catalog, collect: [] });
    const processes = 4_500;
    for (let pid = 1; pid <= processes; pid++) {
      made.run(pid, `job${pid % 50}`, pid * 10);
      if (pid % 450 === 0) {
        for (const format of formats) {
          const size = await sizeOf(body(format));
          assert.ok(size <= budget.bytes, `${format}: ${size} bytes`);
          assert.ok(size <= catalog.budget.bytes, `${format}: ${size} bytes, ${catalog.budget.bytes} estimated`);
        }
        assert.ok(catalog.budget.series <= budget.series);
        const inTables = [...catalog].reduce((series, table) => series + table.size * table.seriesPerRow, 0);
        assert.equal(catalog.budget.series, inTables);
        catalog.retention.expire(pid * 10);
      }
    }
    assert.equal(count.total(), processes * 40);
    assert.equal(seconds.total(), (processes * 40) / 4);
    assert.equal(duration.total(), processes * 40);
    assert.equal(exits.total(), processes);
    assert.ok(count.folded + count.evicted > 0);
    assert.ok(count.budgetFolded > 0);
    assert.ok(count.value(subject.other, 1) > 0);
  });
}

test("ended processes that were shown make room first, then what is idle longest; what is in use stays", () => {
  const made = makeTables({ series: 8_000, bytes: Infinity });
  const { catalog, count, subject } = made;
  const has = (pid: number): boolean => count.hasRows(subject.intern(`${pid}`, "x"));
  // In use: it has not ended.
  const used = subject.intern("1", "x");
  count.add(used, 1, 1);
  for (const pid of [2, 3, 4]) {
    made.run(pid, "x", pid);
  }
  catalog.renders.ended(catalog.renders.began(), true);
  let pid = 5;
  const fill = (): void => {
    while (!catalog.budget.isHigh) {
      made.run(pid, "x", pid);
      pid++;
    }
  };
  fill();
  catalog.retention.expire(pid, 3 * 80);
  assert.deepEqual([1, 2, 3, 4, 5].map(has), [true, false, false, false, true]);
  fill();
  catalog.retention.expire(pid);
  assert.ok(catalog.budget.isLow);
  assert.deepEqual([has(1), has(5), has(pid - 1)], [true, false, true]);
});

test("room that is made in small steps is as much as in one", () => {
  const made = makeTables({ series: 8_000, bytes: Infinity });
  const { catalog } = made;
  let pid = 1;
  for (; !catalog.budget.isHigh; pid++) {
    made.run(pid, "x", pid);
  }
  while (catalog.retention.expire(pid, 80) > 0) {
    // Each call moves a process or two.
  }
  assert.ok(catalog.budget.isLow, `${catalog.budget.series} series of 8,000`);

  const crowded = new Catalog({ seriesLimit: 100 });
  const subject = new Dimension(["comm"]);
  const table = crowded.counter({ name: "a_total", help: "A.", subject });
  for (let id = 0; id < 95; id++) {
    table.add(subject.intern(`${id}`), 0, 1);
    crowded.retention.end(subject, subject.intern(`${id}`), id);
  }
  while (crowded.retention.expire(100, 3) > 0) {
    // Each call moves three rows.
  }
  assert.deepEqual([table.size, table.evicted, table.total()], [81, 15, 95]);
});

test("a signal that is closed gives back what it used", () => {
  const catalog = new Catalog();
  const before = [catalog.budget.series, catalog.budget.bytes];
  const scope = catalog.scope();
  const comm = new Dimension(["comm"]);
  scope.counter({ name: "a_total", help: "A.", subject: comm }).add(comm.intern("x"), 0, 1);
  scope.histogram({ name: "b_seconds", help: "B.", subject: comm }).observe(comm.intern("x"), 0, 1);
  assert.equal(catalog.budget.series, 1 + 32);
  scope.close();
  assert.deepEqual([catalog.budget.series, catalog.budget.bytes], before);
});
