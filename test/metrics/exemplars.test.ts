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
  const offer = (comm: string, nanoseconds: number, seconds: number, pid: number): boolean => {
    const at = exemplars.take(table.row(subject.intern(comm)), { duration: nanoseconds, time: seconds * 1e9 });
    if (at < 0) {
      return false;
    }
    exemplars.numbers.set([pid, 2 * pid], at);
    return true;
  };
  const shown = (comm: string) => exemplars.at(table.row(subject.intern(comm)));
  return { clock, subject, table, offer, shown };
}

test("the slowest event of the last minute is shown", () => {
  const { clock, offer, shown } = makeTable();
  assert.equal(shown("a"), undefined);
  assert.ok(offer("a", 500, 100, 1));
  assert.ok(!offer("a", 499, 100, 2));
  assert.deepEqual(shown("a"), { nanoseconds: 500, time: clock.now, labels: [["pid", "1:2"]] });
  clock.now += 1000;
  assert.ok(offer("a", 501, 101, 3));
  assert.deepEqual(shown("a"), { nanoseconds: 501, time: clock.now, labels: [["pid", "3:6"]] });
  assert.ok(!offer("a", 1, 160.9, 4));
  assert.ok(offer("a", 1, 161, 5));
  assert.deepEqual(shown("a")?.labels, [["pid", "5:10"]]);
});

test("an event that took no time is one, too", () => {
  const { offer, shown } = makeTable();
  assert.ok(offer("a", 0, 0, 7));
  assert.equal(shown("a")?.nanoseconds, 0);
});

test("each row has its own, which goes with it", () => {
  const { subject, table, offer, shown } = makeTable();
  for (let each = 0; each < 100; each++) {
    assert.ok(offer(`c${each}`, each, 0, each));
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
