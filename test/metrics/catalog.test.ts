import assert from "node:assert/strict";
import { test } from "node:test";
import { Catalog } from "../../src/metrics/catalog.js";
import { Dimension } from "../../src/metrics/dimension.js";

const help = "Help.";

/** A catalog of two tables of one subject dimension and one of another, with one subject that has rows in all. */
function makeCatalog() {
  const catalog = new Catalog({ retentionMs: 1000 });
  const process = new Dimension(["pid", "comm"]);
  const comm = new Dimension(["comm"]);
  const opens = catalog.counter({ name: "opens_total", help, subject: process, detail: new Dimension(["result"]) });
  const connections = catalog.gauge({ name: "connections", help, subject: process });
  const execs = catalog.counter({ name: "execs_total", help, subject: comm });
  const id = process.intern("1", "init");
  opens.add(id, 1, 1);
  opens.add(id, 2, 1);
  connections.set(id, 0, 1);
  execs.add(comm.intern("init"), 0, 1);
  return { catalog, process, comm, opens, connections, execs, id };
}

function render(catalog: Catalog, completed = true): void {
  catalog.renders.ended(catalog.renders.began(), completed);
}

test("tables come in the order they were declared", () => {
  const { catalog, opens, connections, execs } = makeCatalog();
  assert.deepEqual([...catalog], [opens, connections, execs]);
});

test("a name is declared once, whatever the type", () => {
  const { catalog, process } = makeCatalog();
  assert.throws(
    () => catalog.counter({ name: "opens_total", help, subject: process }),
    /"opens_total": declared twice/,
  );
  assert.throws(() => catalog.histogram({ name: "connections", help, subject: process }), /declared twice/);
});

test("the limit is that of every table which is not bounded", () => {
  const catalog = new Catalog({ seriesLimit: 70 });
  const subject = new Dimension(["comm"]);
  assert.equal(catalog.counter({ name: "a_total", help, subject }).most, 70);
  // 29 finite buckets, +Inf, sum and count: 32 lines each.
  assert.equal(catalog.histogram({ name: "b", help, subject }).most, 2);
  assert.equal(catalog.histogram({ name: "b4", help, subject, firstPower: -20, lastPower: -19 }).most, 14);
  assert.equal(catalog.gauge({ name: "c", help, subject, bounded: true }).most, Infinity);
  assert.equal(new Catalog({ seriesLimit: 1 }).histogram({ name: "b", help, subject }).most, 1);
  for (const seriesLimit of [0, -1, 1.5, NaN]) {
    assert.throws(() => new Catalog({ seriesLimit }), /series limit .*: want a whole number/);
  }
});

test("a limit that changes leaves the rows that are there, and the totals exact", () => {
  const catalog = new Catalog({ seriesLimit: 3 });
  const subject = new Dimension(["comm"]);
  const table = catalog.counter({ name: "a_total", help, subject });
  const bounded = catalog.gauge({ name: "c", help, subject, bounded: true });
  const addToEach = (names: string): void => {
    for (const name of names) {
      table.add(subject.intern(name), 0, 1);
    }
  };
  const values = (names: string): number[] => Array.from(names, (name) => table.value(subject.intern(name)));
  addToEach("abc");
  catalog.seriesLimit = 1;
  assert.equal(catalog.seriesLimit, 1);
  addToEach("abcd");
  assert.deepEqual(values("abcd"), [2, 2, 2, 0]);
  assert.equal(table.value(subject.other), 1);
  assert.equal(catalog.counter({ name: "later_total", help, subject }).most, 1);
  catalog.seriesLimit = 4;
  addToEach("de");
  assert.deepEqual(values("abcde"), [2, 2, 2, 1, 0]);
  assert.equal(table.value(subject.other), 2);
  assert.equal(bounded.most, Infinity);
  assert.throws(() => (catalog.seriesLimit = 0), /series limit 0: want a whole number/);
  assert.equal(catalog.seriesLimit, 4);
});

/** The label set `id` and its rows. */
const whole = 4;

test("an ended label set expires after a later render and the retention time, in all its tables and no others", () => {
  const { catalog, process, opens, connections, execs, id } = makeCatalog();
  catalog.retention.end(process, id, 0);
  assert.equal(catalog.retention.expire(5000), 0, "not rendered yet");
  render(catalog);
  assert.equal(catalog.retention.expire(999), 0, "in retention");
  assert.equal(opens.size, 2);

  assert.equal(catalog.retention.expire(1000), whole);
  assert.equal(opens.size, 0);
  assert.equal(connections.size, 0);
  assert.equal(execs.size, 1);
  assert.equal(process.has(id), false);
  assert.equal(catalog.retention.ended, 0);
});

test("a render that began before, or did not complete, does not count", () => {
  const { catalog, process, id } = makeCatalog();
  const early = catalog.renders.began();
  catalog.retention.end(process, id, 0);
  catalog.renders.ended(early, true);
  render(catalog, false);
  assert.equal(catalog.retention.expire(9000), 0);
  render(catalog);
  assert.equal(catalog.retention.expire(9000), whole);
});

test("of two renders that overlap, the one that began later counts, whichever ends first", () => {
  const { catalog, process, id } = makeCatalog();
  const early = catalog.renders.began();
  catalog.retention.end(process, id, 0);
  const late = catalog.renders.began();
  catalog.renders.ended(late, true);
  assert.equal(catalog.retention.expire(9000), 0, "a render runs");
  catalog.renders.ended(early, true);
  assert.equal(catalog.retention.expire(9000), whole);
});

test("nothing expires while a render runs", () => {
  const { catalog, process, opens, id } = makeCatalog();
  catalog.retention.end(process, id, 0);
  render(catalog);
  const running = catalog.renders.began();
  assert.equal(catalog.retention.expire(9000), 0);
  assert.equal(opens.size, 2);
  catalog.renders.ended(running, false);
  assert.equal(catalog.retention.expire(9000), whole);
});

test("a label set that begins again stays, and its next end starts anew", () => {
  const { catalog, process, opens, id } = makeCatalog();
  catalog.retention.end(process, id, 0);
  render(catalog);
  catalog.retention.begin(process, id);
  assert.equal(catalog.retention.expire(9000), 0);
  assert.equal(opens.size, 2);

  catalog.retention.end(process, id, 9000);
  assert.equal(catalog.retention.expire(99_000), 0);
  render(catalog);
  assert.equal(catalog.retention.expire(9999), 0);
  assert.equal(catalog.retention.expire(10_000), whole);
});

test("a second end changes nothing", () => {
  const { catalog, process, id } = makeCatalog();
  catalog.retention.end(process, id, 0);
  render(catalog);
  catalog.retention.end(process, id, 900);
  assert.equal(catalog.retention.ended, 1);
  assert.equal(catalog.retention.expire(1000), whole);
});

test("later ends wait for their own time", () => {
  const { catalog, process } = makeCatalog();
  const ids = Array.from({ length: 100 }, (_, index) => process.intern(`${index}`, "sh"));
  for (const [index, id] of ids.entries()) {
    catalog.retention.end(process, id, index * 10);
  }
  render(catalog);
  assert.equal(catalog.retention.expire(1495), 50);
  assert.equal(catalog.retention.expire(1505), 1);
  assert.equal(catalog.retention.expire(9000), 49);
});

test("other never ends, and an unknown id is refused", () => {
  const { catalog, process } = makeCatalog();
  catalog.retention.end(process, process.other, 0);
  assert.equal(catalog.retention.ended, 0);
  assert.throws(() => {
    catalog.retention.end(process, 999, 0);
  }, /^RangeError: labels pid,comm: no tuple has the id 999/);
});

test("an expired id serves its next owner from 0", () => {
  const { catalog, process, opens, id } = makeCatalog();
  catalog.retention.end(process, id, 0);
  render(catalog);
  catalog.retention.expire(9000);
  assert.equal(process.intern("2", "next"), id);
  assert.equal(opens.value(id, 1), 0);
  opens.add(id, 1, 3);
  assert.equal(opens.value(id, 1), 3);
});

test("numbers that are kept elsewhere are read before a scrape, and the others left alone", () => {
  const catalog = new Catalog();
  const resource = new Dimension(["resource"]);
  let found = 3;
  const up = catalog.gauge({ name: "up", help, read: () => found });
  const errors = catalog.counter({
    name: "errors_total",
    help,
    subject: resource,
    bounded: true,
    collect(table) {
      table.set(resource.intern("pods"), 0, 10 * found);
    },
  });
  const execs = catalog.counter({ name: "execs_total", help, subject: resource });
  execs.add(resource.intern("pods"), 0, 7);
  assert.deepEqual([up.size, errors.size], [0, 0]);
  for (; found < 5; found++) {
    catalog.collect();
    assert.deepEqual([...up.values.subarray(0, up.size)], [found]);
    assert.equal(errors.value(resource.intern("pods")), 10 * found);
    assert.equal(execs.value(resource.intern("pods")), 7);
  }
  assert.deepEqual(up.subject.values(up.subjectAt(0)), []);
});

test("a metric without labels has one series, which no limit folds", () => {
  const catalog = new Catalog({ seriesLimit: 1 });
  const tables = [catalog.counter({ name: "a_total", help }), catalog.histogram({ name: "b_seconds", help })];
  for (const table of tables) {
    assert.equal(table.most, Infinity);
    table.row(table.subject.other);
    assert.deepEqual([table.size, table.folded], [1, 0]);
  }
});

test("an info metric is 1 and has its labels", () => {
  const catalog = new Catalog();
  catalog.info("build_info", help, { version: "1.2.3", arch: "x86_64" });
  const [info] = catalog;
  assert.ok(info?.type === "gauge");
  assert.deepEqual([info.size, info.values[0]], [1, 1]);
  assert.equal(info.subject.text(info.subjectAt(0)), 'version="1.2.3",arch="x86_64"');
});

test("a counter that mirrors a count kept elsewhere was 0 when the catalog began, not when it was first read", () => {
  let now = 1_000_000;
  const catalog = new Catalog({ clock: () => now });
  const signal = new Dimension(["signal"]);
  const mirrored = catalog.counter({ name: "a_total", help, subject: signal, bounded: true });
  const counted = catalog.counter({ name: "b_total", help, subject: signal, bounded: true });
  now += 60_000;
  mirrored.set(signal.intern("tcp"), 0, 4711);
  counted.add(signal.intern("tcp"), 0, 1);
  now += 60_000;
  mirrored.set(signal.intern("tcp"), 0, 4712);
  assert.equal(mirrored.created[0], 999_000);
  assert.equal(counted.created[0], 1_055_000);
});

test("a scope that is closed leaves nothing of its own, and its names can be declared again", () => {
  const { catalog, process, opens, connections, execs } = makeCatalog();
  const before = catalog.memoryAtLimit;
  const scope = catalog.scope();
  const declare = () => [
    scope.counter({ name: "reads_total", help, subject: process }),
    scope.gauge({ name: "files", help, subject: process }),
    scope.histogram({ name: "read_seconds", help, subject: process }),
  ];
  const first = declare();
  assert.deepEqual([...catalog], [opens, connections, execs, ...first]);
  assert.throws(() => catalog.gauge({ name: "files", help, subject: process }), /"files": declared twice/);
  assert.throws(() => scope.counter({ name: "opens_total", help, subject: process }), /declared twice/);
  scope.close();
  assert.deepEqual([...catalog], [opens, connections, execs]);
  assert.equal(catalog.memoryAtLimit, before);

  const second = declare();
  assert.deepEqual([...catalog], [opens, connections, execs, ...second]);
  const other = catalog.scope();
  other.close();
  assert.deepEqual([...catalog], [opens, connections, execs, ...second]);
  scope.close();
  scope.close();
  catalog.gauge({ name: "files", help, subject: process });
  scope.close();
  assert.deepEqual(
    [...catalog].map(({ name }) => name),
    ["opens_total", "connections", "execs_total", "files"],
  );
});

test("an expiry stops after so many rows and label sets, and the next one goes on", () => {
  const { catalog, process, opens } = makeCatalog();
  const ids = Array.from({ length: 10 }, (_, index) => process.intern(`${index}`, "many"));
  for (const id of ids) {
    for (let detail = 0; detail < 99; detail++) {
      opens.add(id, detail, 1);
    }
    catalog.retention.end(process, id, 0);
  }
  render(catalog);
  assert.equal(catalog.retention.expire(1000, 250), 300);
  assert.equal(catalog.retention.ended, 7);
  assert.equal(catalog.retention.expire(1000, 700), 700);
  assert.equal(catalog.retention.ended, 0);
});
