/** What the tables say of each process: the numbers of `/metrics`, added up by who did it. */
import type { AnyTable, Catalog } from "../metrics/catalog.js";
import type { Dimension } from "../metrics/dimension.js";
import type { ValueTable } from "../metrics/value-table.js";
import type { CallTotals, ProcessNumber, ProcessTotals } from "./protocol.js";
import { ratesOf } from "./shared/rates.js";

/** Where a number comes from: the rows of a metric, or those that a label's value makes count. */
interface Source {
  readonly metric: string;
  /** A label, and the value that a row must not have to count. */
  readonly label?: string;
  readonly isNot?: string;
}

const sources: Readonly<Record<ProcessNumber, Source>> = {
  connects: { metric: "ringtap_tcp_connects_total" },
  connect_failures: { metric: "ringtap_tcp_connects_total", label: "result", isNot: "established" },
  accepts: { metric: "ringtap_tcp_accepts_total" },
  connections: { metric: "ringtap_tcp_connections" },
  sent_bytes: { metric: "ringtap_tcp_sent_bytes_total" },
  received_bytes: { metric: "ringtap_tcp_received_bytes_total" },
  retransmits: { metric: "ringtap_tcp_retransmits_total" },
  resets: { metric: "ringtap_tcp_resets_total" },
  syscalls: { metric: "ringtap_syscalls_total" },
  syscall_errors: { metric: "ringtap_syscall_errors_total" },
  syscall_seconds: { metric: "ringtap_syscall_seconds_total" },
  file_opens: { metric: "ringtap_file_opens_total" },
  file_open_failures: { metric: "ringtap_file_opens_total", label: "result", isNot: "ok" },
};

export const processNumbers = Object.keys(sources) as readonly ProcessNumber[];

/** Labels of a tuple by their names. */
export function labelsOf(dimension: Dimension, id: number): Record<string, string> {
  const values = dimension.values(id);
  return Object.fromEntries(dimension.namesOf(id).map((name, index) => [name, values[index] ?? ""]));
}

function valueTable(catalog: Catalog, name: string): ValueTable | undefined {
  const isMeant = (table: AnyTable): table is ValueTable => table.name === name && table.type !== "histogram";
  return [...catalog].find(isMeant);
}

/** Does a row of these details count? By detail id, asked once for each. */
function counts(detail: Dimension | undefined, { label, isNot }: Source): (id: number) => boolean {
  const place = label === undefined ? -1 : (detail?.names.indexOf(label) ?? -1);
  if (detail === undefined || place < 0) {
    return () => true;
  }
  const answers: boolean[] = [];
  return (id) => (answers[id] ??= detail.values(id)[place] !== isNot);
}

/** Adds up every process of the tables, `subjects` being what they call them. One that has done nothing is not there. */
export function processTotals(catalog: Catalog, subjects: Dimension): ProcessTotals[] {
  const sums = new Map<number, Float64Array>();
  for (const [place, name] of processNumbers.entries()) {
    const source = sources[name];
    const table = valueTable(catalog, source.metric);
    if (table?.subject !== subjects) {
      continue;
    }
    const isCounted = counts(table.detail, source);
    for (let row = 0; row < table.size; row++) {
      if (!isCounted(table.detailAt(row))) {
        continue;
      }
      const id = table.subjectAt(row);
      let sum = sums.get(id);
      if (sum === undefined) {
        sums.set(id, (sum = new Float64Array(processNumbers.length)));
      }
      (sum[place] as number) += table.values[row] as number;
    }
  }
  return Array.from(sums, ([id, sum]) => ({
    id,
    labels: labelsOf(subjects, id),
    totals: Object.fromEntries(processNumbers.map((name, place) => [name, sum[place] ?? 0])) as Record<
      ProcessNumber,
      number
    >,
  }));
}

/** What happened between two snapshots, for each process of the later one, per second; `connections` as it is. */
export function processRates(
  before: readonly ProcessTotals[],
  after: readonly ProcessTotals[],
  seconds: number,
): Map<number, Record<ProcessNumber, number>> {
  const earlier = new Map(before.map((process) => [process.id, process]));
  return new Map(after.map((process) => [process.id, ratesOf(process, earlier.get(process.id), seconds)]));
}

/** The system calls of one process, those that took longest first. */
export function callTotals(catalog: Catalog, subject: number): CallTotals[] {
  const calls = new Map<string, { calls: number; seconds: number; errors: Record<string, number> }>();
  const callOf = (syscall: string) => {
    const call = calls.get(syscall) ?? { calls: 0, seconds: 0, errors: {} };
    calls.set(syscall, call);
    return call;
  };
  const eachRow = (metric: string, take: (labels: Record<string, string>, value: number) => void): void => {
    const table = valueTable(catalog, metric);
    for (let row = 0; table?.detail !== undefined && row < table.size; row++) {
      if (table.subjectAt(row) === subject) {
        take(labelsOf(table.detail, table.detailAt(row)), table.values[row] as number);
      }
    }
  };
  eachRow("ringtap_syscalls_total", ({ syscall = "" }, value) => {
    callOf(syscall).calls += value;
  });
  eachRow("ringtap_syscall_seconds_total", ({ syscall = "" }, value) => {
    callOf(syscall).seconds += value;
  });
  eachRow("ringtap_syscall_errors_total", ({ syscall = "", errno = "" }, value) => {
    const { errors } = callOf(syscall);
    errors[errno] = (errors[errno] ?? 0) + value;
  });
  return Array.from(calls, ([syscall, call]) => ({ syscall, ...call })).sort((a, b) => b.seconds - a.seconds);
}
