/** From counts, histograms and gauges of a definition to the maps that have them: keys, words of an entry, names of metrics. */
import type { HistogramUnit } from "../metrics/histogram-table.js";
import { checkLabelNames, checkMetricName } from "../metrics/names.js";
import type { Gauge, Header, Histogram, LinearBuckets, Part } from "./definition.js";
import { type Field, layOut, type Layout, type Recorded, type Values } from "./fields.js";
import { type Kernel, structOf } from "./kernel.js";
import { refuse } from "./members.js";
import * as nodes from "./nodes.js";
import type { ActorNodes, Node } from "./nodes.js";
import { typeText } from "./type-text.js";
import { Condition, described, Num, numberOf, type Operand, Text } from "./values.js";

/** A number of an entry, and the metric that it is shown as. */
export interface NumberPlan {
  readonly name: string;
  readonly node: Node;
  readonly signed: boolean;
}

/** Buckets: powers of two, of which slots are counted from 2^0 or 2^-30 seconds; or of equal width, as they are observed. */
export type BucketPlan =
  | { readonly are: "powers"; readonly firstPower: number; readonly lastPower: number; readonly firstSlot: number }
  | { readonly are: "linear"; readonly first: number; readonly step: number; readonly bounds: readonly number[] };

/** A histogram. */
export interface HistogramPlan extends NumberPlan {
  readonly help: string;
  readonly unit: HistogramUnit;
  readonly isTime: boolean;
  readonly buckets: BucketPlan;
  readonly slots: number;
}

/** A gauge: one word with its last number, or two, with what is added and what is taken away. */
export interface GaugePlan extends NumberPlan {
  readonly help: string;
  readonly isLast: boolean;
}

/** A map of counts: of each key, how often, sums, a gauge, and a histogram. */
export interface Group {
  readonly map: string;
  readonly key: Layout;
  /** Where the key has its process; absent where it has none. */
  readonly owner?: { readonly start: Field; readonly tgid: Field };
  readonly labels: readonly Field[];
  readonly hasCount: boolean;
  readonly count?: { readonly name: string; readonly help: string };
  readonly sums: readonly NumberPlan[];
  readonly gauge?: GaugePlan;
  readonly histogram?: HistogramPlan;
}

/** The powers of a histogram's buckets by default, and the slot that power 0 has. */
const powers: Readonly<Record<HistogramUnit, readonly [first: number, last: number, zero: number]>> = {
  seconds: [-22, 6, 30],
  bytes: [0, 30, 0],
  number: [0, 30, 0],
};
const suffixes: Readonly<Record<HistogramUnit, string>> = { seconds: "seconds", bytes: "bytes", number: "values" };

/** No number of 64 bits is above this power of two. */
const highestPower = 64;

/** The most buckets of equal width. */
const mostLinear = 100;

/** A number that is counted or observed; `what` says as what. */
function numberAs(what: string, value: Operand): Num<string> {
  try {
    return numberOf(value);
  } catch (error) {
    return refuse(`${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** What is wrong with a value that is none. */
function valueProblem({ btf }: Kernel, value: unknown): string {
  const type = structOf(value);
  return type === undefined
    ? `${described(value)}: expected a number, a condition or a text of the event's`
    : `is a ${typeText(btf, type.id)}: choose one of its fields`;
}

/** The values of a definition, each of which is one. `what` names them. */
export function recorded(kernel: Kernel, what: string, values: Values): [string, Recorded][] {
  return Object.entries(values).map(([name, value]) => {
    const isOne = (value as unknown) instanceof Num || value instanceof Condition || value instanceof Text;
    return isOne ? [name, value] : refuse(`${what}: ${name}: ${valueProblem(kernel, value)}`);
  });
}

/** Do they name their process themselves? */
export function namesProcess(values: Values): boolean {
  return "pid" in values || "comm" in values;
}

function keyOf(
  kernel: Kernel,
  what: string,
  by: Values,
  actor: ActorNodes | undefined,
): Pick<Group, "key" | "owner" | "labels"> {
  const labels = recorded(kernel, `${what}: by`, by);
  checkLabelNames(labels.map(([name]) => name));
  const owned = namesProcess(by) ? undefined : actor;
  const process: [string, Recorded][] =
    owned === undefined
      ? []
      : [
          ["", new Num(owned.start)],
          ["", new Num(owned.tgid, { size: 4, signed: false })],
        ];
  const all = [...process, ...labels];
  const key = layOut(all.length === 0 ? [["", new Num(nodes.constant(0n))]] : all, 0);
  const [start, tgid] = key.fields.filter(({ name }) => name === "");
  return {
    key,
    ...(owned === undefined ? {} : { owner: { start: start as Field, tgid: tgid as Field } }),
    // In the order in which they were written.
    labels: labels.map(([name]) => key.fields.find((field) => field.name === name) as Field),
  };
}

function powerBuckets(unit: HistogramUnit, definition: Histogram): BucketPlan {
  const [first, last, zero] = powers[unit];
  const { firstPower = first, lastPower = last } = definition;
  if (
    !Number.isInteger(firstPower) ||
    !Number.isInteger(lastPower) ||
    firstPower + zero < 0 ||
    lastPower + zero > highestPower ||
    lastPower < firstPower
  ) {
    refuse(
      `histogram: buckets 2^${firstPower} … 2^${lastPower}: expected whole numbers from ${-zero} to ${highestPower - zero}, the first the lower one`,
    );
  }
  return { are: "powers", firstPower, lastPower, firstSlot: firstPower + zero };
}

function linearBuckets(unit: HistogramUnit, { first, step, count }: LinearBuckets): BucketPlan {
  if (![first, step, count].every((bound) => typeof bound === "number")) {
    refuse("histogram: linear: expected numbers: first, step and count");
  }
  const scale = unit === "seconds" ? 1e9 : 1;
  // Seconds such as 0.001 are no exact numbers: the nearest nanosecond is meant.
  const [firstObserved, stepObserved] = [first, step].map((bound) => Math.round(bound * scale)) as [number, number];
  const isExact = [first, step].every((bound) => Math.abs(Math.round(bound * scale) - bound * scale) < 1e-3);
  const bounds = `histogram: linear: first ${first}, step ${step}`;
  if (!isExact || !(firstObserved > 0 && stepObserved > 0)) {
    refuse(`${bounds}: expected whole ${unit === "seconds" ? "nanoseconds" : "numbers"} above 0`);
  }
  if (!(firstObserved + stepObserved * count < 2 ** 53)) {
    refuse(`${bounds}, count ${count}: expected bounds below 2^53${unit === "seconds" ? " ns" : ""}`);
  }
  if (!Number.isInteger(count) || count < 1 || count > mostLinear) {
    refuse(`histogram: linear: count ${count}: expected 1 to ${mostLinear}`);
  }
  return {
    are: "linear",
    first: firstObserved,
    step: stepObserved,
    bounds: Array.from({ length: count }, (_, index) => (firstObserved + index * stepObserved) / scale),
  };
}

function histogramPlan({ name }: Header, help: string, definition: Histogram): HistogramPlan {
  const { unit = "number", linear } = definition;
  if (!Object.hasOwn(powers, unit)) {
    refuse(`histogram: unit: ${described(unit)}: expected seconds, bytes or number`);
  }
  if (linear !== undefined && (definition.firstPower ?? definition.lastPower) !== undefined) {
    refuse("histogram: its buckets are linear, or powers of two: expected one of both");
  }
  const buckets = linear === undefined ? powerBuckets(unit, definition) : linearBuckets(unit, linear);
  const observed = numberAs("histogram: of", definition.of);
  return {
    name: definition.name ?? `${name}_${suffixes[unit]}`,
    help: definition.help ?? help,
    node: observed.node,
    signed: observed.shape.signed,
    unit,
    isTime: unit === "seconds",
    buckets,
    slots: 1 + (buckets.are === "linear" ? buckets.bounds.length : buckets.lastPower - buckets.firstPower + 1),
  };
}

function gaugePlan({ name }: Header, help: string, { last, add, ...definition }: Gauge): GaugePlan {
  const of = last ?? add;
  if (of === undefined || (last !== undefined && add !== undefined)) {
    return refuse("gauge: expected last, the number that it becomes, or add, what is added to it");
  }
  const { node, shape } = numberAs(`gauge: ${last === undefined ? "add" : "last"}`, of);
  return {
    name: definition.name ?? `${name}_${last === undefined ? "current" : "last"}`,
    help: definition.help ?? help,
    node,
    signed: shape.signed,
    isLast: last !== undefined,
  };
}

/** The groups of what is done with the events of one tracepoint; `help` is the default. */
export function groupsOf(
  kernel: Kernel,
  header: Header,
  { count, histogram, gauge }: Part,
  help: string,
  actor: ActorNodes | undefined,
): Group[] {
  const groups: Group[] = [];
  const shared = histogram !== undefined && count !== undefined && histogram.by === undefined;
  const plan = histogram === undefined ? undefined : histogramPlan(header, help, histogram);
  if (count !== undefined) {
    groups.push({
      map: "counts",
      ...keyOf(kernel, "count", count.by ?? {}, actor),
      hasCount: true,
      count: { name: count.name ?? `${header.name}_total`, help: count.help ?? help },
      sums: Object.entries(count.sum ?? {}).map(([sum, value]) => {
        const { node, shape } = numberAs(`count: sum: ${sum}`, value);
        return { name: `${header.name}_${sum}_total`, node, signed: shape.signed };
      }),
      ...(shared && plan !== undefined ? { histogram: plan } : {}),
    });
  }
  if (histogram !== undefined && plan !== undefined && !shared) {
    const key = keyOf(kernel, "histogram", histogram.by ?? {}, actor);
    groups.push({ map: "observations", ...key, hasCount: false, sums: [], histogram: plan });
  }
  if (gauge !== undefined) {
    const key = keyOf(kernel, "gauge", gauge.by ?? {}, actor);
    // How often, too: so that the events are accounted for.
    groups.push({ map: "gauges", ...key, hasCount: true, sums: [], gauge: gaugePlan(header, help, gauge) });
  }
  groups.forEach(checkNames);
  return groups;
}

function checkNames({ count, sums, histogram, gauge, labels }: Group): void {
  for (const { name } of [...(count === undefined ? [] : [count]), ...sums]) {
    checkMetricName("counter", name);
  }
  if (gauge !== undefined) {
    checkMetricName("gauge", gauge.name);
  }
  if (histogram !== undefined) {
    checkMetricName("histogram", histogram.name);
    if (labels.some(({ name }) => name === "le")) {
      refuse('histogram: by: "le" is the label of its buckets: expected another name');
    }
  }
}

/** Words of 8 bytes that an entry of a map has. */
export function wordsOf({ hasCount, sums, gauge, histogram }: Group): number {
  const ofGauge = gauge === undefined ? 0 : gauge.isLast ? 1 : 2;
  return Number(hasCount) + sums.length + ofGauge + (histogram === undefined ? 0 : 1 + histogram.slots);
}

/** The metric that tells a group from others. */
export function metricOf({ count, gauge, histogram }: Group): string {
  return count?.name ?? gauge?.name ?? histogram?.name ?? "";
}

/** How a group lies in memory and what it means, as text: two that are equal can share a map. */
export function formOf({ key, labels, owner, hasCount, sums, gauge, histogram }: Group): string {
  const field = ({ name, kind, shape, offset, bytes }: Field): unknown[] => [
    name,
    kind,
    offset,
    bytes,
    shape.signed,
    shape.enum,
  ];
  return JSON.stringify([
    key.fields.map(field),
    labels.map(({ name }) => name),
    owner !== undefined,
    hasCount,
    sums.map(({ name }) => name),
    gauge?.isLast,
    histogram && [histogram.name, histogram.unit, histogram.buckets],
  ]);
}
