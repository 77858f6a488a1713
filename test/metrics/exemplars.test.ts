import assert from "node:assert/strict";
import { test } from "node:test";
import { Dimension } from "../../src/metrics/dimension.js";
import { HistogramTable } from "../../src/metrics/histogram-table.js";

function makeTable() {
  const clock = { now: 1_700_000_000_000 };
  const subject = new Dimension(["comm"]);
  const table = new HistogramTable(
    {
      name: "x_seconds",
      help: "Help.",
      subject,
      exemplar: { width: 2, labels: (numbers, at) => [["pid", `${numbers[at]}:${numbers[at + 1]}`]] },
    },
    { limit: Infinity, clock: () => clock.now },
  );
  const exemplars = table.exemplars;
  assert.ok(exemplars);
  /** Is the event taken? */
  const offer = (comm: string, nanoseconds: number, pid: number): boolean => {
    const at = exemplars.take(table.row(subject.intern(comm)), { duration: nanoseconds });
    if (at < 0) {
      return false;
    }
    exemplars.numbers.set([pid, 2 * pid], at);
    return true;
  };
  const shown = (comm: string) => exemplars.show(table.row(subject.intern(comm)));
  return { clock, subject, table, offer, shown };
}

test("the slowest event is shown, and gives way to the next when it was shown after a minute", () => {
  const { clock, offer, shown } = makeTable();
  assert.equal(shown("a"), undefined);
  assert.ok(offer("a", 500, 1));
  assert.ok(!offer("a", 499, 2));
  assert.deepEqual(shown("a"), { nanoseconds: 500, time: clock.now, labels: [["pid", "1:2"]] });
  clock.now += 1000;
  assert.ok(offer("a", 501, 3));
  const slowest = { nanoseconds: 501, time: clock.now, labels: [["pid", "3:6"]] };
  clock.now += 59_999;
  assert.deepEqual(shown("a"), slowest);
  assert.ok(!offer("a", 1, 4));
  clock.now += 1;
  assert.ok(!offer("a", 1, 5));
  assert.deepEqual(shown("a"), slowest);
  assert.ok(offer("a", 1, 6));
  assert.deepEqual(shown("a")?.labels, [["pid", "6:12"]]);
});

test("an event that took no time is one, too", () => {
  const { offer, shown } = makeTable();
  assert.ok(offer("a", 0, 7));
  assert.equal(shown("a")?.nanoseconds, 0);
});

test("each row has its own, which goes with it", () => {
  const { subject, table, offer, shown } = makeTable();
  for (let each = 0; each < 100; each++) {
    assert.ok(offer(`c${each}`, each, each));
  }
  for (let each = 0; each < 100; each += 3) {
    table.removeSubject(subject.intern(`c${each}`));
  }
  for (let each = 0; each < 100; each++) {
    assert.deepEqual(shown(`c${each}`)?.labels, each % 3 === 0 ? undefined : [["pid", `${each}:${2 * each}`]]);
  }
});

test("a table without exemplars has none", () => {
  const subject = new Dimension(["comm"]);
  const table = new HistogramTable({ name: "x_seconds", help: "Help.", subject }, { limit: Infinity });
  assert.equal(table.exemplars, undefined);
});
