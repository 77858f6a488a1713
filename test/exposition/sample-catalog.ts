/** A catalog with one of everything: all types, hostile labels, folds, empty families. The golden file shows it. */
import { Catalog } from "../../src/metrics/catalog.js";
import { Dimension } from "../../src/metrics/dimension.js";
import type { HistogramTable } from "../../src/metrics/histogram-table.js";

/** What a process may call itself, and what the kernel would let it. */
const hostileNames = [
  'quo"te',
  "back\\slash",
  "new\nline",
  "\\n",
  "lone\ud800surrogate",
  "crab🦀漢字",
  "}{,=#",
  "tab\tcr\r",
  "",
];

/** Has a row show one of its events. */
function showExample(table: HistogramTable, row: number, nanoseconds: number, pid: number): void {
  const { exemplars } = table;
  const at = exemplars?.take(row, { duration: nanoseconds }) ?? -1;
  if (exemplars !== undefined && at >= 0) {
    exemplars.numbers[at] = pid;
  }
}

export function sampleCatalog(): Catalog {
  const catalog = new Catalog({ seriesLimit: 12, clock: () => Date.UTC(2026, 0, 2, 3, 4, 5, 678) });
  const identity = new Dimension(["pid", "comm"]);
  const comm = new Dimension(["comm"]);
  const result = new Dimension(["family", "result"]);

  const connects = catalog.counter({
    name: "ringtap_tcp_connects_total",
    help: 'Active opens.\nA second line, a \\ and a "quote".',
    subject: identity,
    detail: result,
  });
  const established = result.intern("ipv4", "established");
  for (const [index, name] of hostileNames.entries()) {
    connects.add(identity.intern(`${index + 1}`, name), established, index + 1);
  }
  const init = identity.intern("1", "init");
  connects.add(init, result.intern("ipv6", "refused"), 2 ** 53 - 1);
  connects.add(init, result.intern("ipv6", "timed_out"), 1e21);
  connects.add(identity.intern("99", "late"), established, 7);

  const connections = catalog.gauge({
    name: "ringtap_tcp_connections",
    help: "Open connections.",
    subject: identity,
    detail: new Dimension(["role"]),
  });
  connections.set(init, connections.detail?.intern("client") ?? 0, 0);
  connections.set(init, connections.detail?.intern("server") ?? 0, 3);

  const numbers = catalog.gauge({ name: "ringtap_numbers", help: "Every kind of number.", subject: comm });
  const values = [0.1, -0.5, 1e-7, 123456789.25, 1.7976931348623157e308, Infinity, -Infinity, NaN];
  for (const [index, value] of values.entries()) {
    numbers.set(comm.intern(`value ${index}`), 0, value);
  }

  const latency = catalog.histogram({
    name: "ringtap_tcp_connect_seconds",
    help: "SYN to established.",
    subject: comm,
    bounded: true,
    exemplar: { width: 1, labels: (numbers, at) => [["pid", `${numbers[at]}`]] },
  });
  for (const nanoseconds of [0, 238, 239, 1_000_000, 64_000_000_000, 64_000_000_001]) {
    latency.observe(comm.intern("curl"), 0, nanoseconds);
  }
  latency.observe(comm.intern(""), 0, 1_500_000_000);
  showExample(latency, latency.row(comm.intern("curl")), 1_000_000, 4711);
  const durations = catalog.histogram({
    name: "ringtap_syscall_duration_seconds",
    help: "Time in the kernel.",
    subject: comm,
    detail: new Dimension(["syscall"]),
    firstPower: -30,
    lastPower: 22,
  });
  durations.observe(comm.intern("curl"), durations.detail?.intern("openat") ?? 0, 2 ** 51 + 1);

  const limit = catalog.gauge({ name: "ringtap_ring_used_bytes", help: "No labels.", subject: new Dimension([]) });
  limit.set(limit.subject.intern(), 0, 4096);
  catalog.counter({ name: "ringtap_process_execs_total", help: "Empty so far.", subject: comm });
  return catalog;
}

/** Adds what a golden file cannot hold and still be text: a zero byte. */
export function addZeroByte(catalog: Catalog): void {
  const subject = new Dimension(["comm"]);
  catalog.gauge({ name: "ringtap_zero_byte", help: "U+0000.", subject }).set(subject.intern("zero\0byte"), 0, 1);
}
