/** From what a builder returned to what is compiled and run: keys, counts, records, and the names of metrics. */
import { quote } from "../log/logger-text.js";
import type { HistogramUnit } from "../metrics/histogram-table.js";
import { checkLabelNames } from "../metrics/names.js";
import type { Definition, Histogram, Values } from "./definition.js";
import { type Field, layOut, type Recorded } from "./fields.js";
import { structOf } from "./kernel.js";
import * as nodes from "./nodes.js";
import type { ActorNodes, Node } from "./nodes.js";
import { Condition, Num, numberOf, Text } from "./values.js";
import { typeText } from "./type-text.js";
import type { Context } from "./context.js";

/** A number that is added up. */
export interface SumPlan {
  readonly name: string;
  readonly node: Node;
  readonly signed: boolean;
}

/** A histogram. Slots are counted from power 0, or from 2^-30 seconds. */
export interface HistogramPlan {
  readonly name: string;
  readonly help: string;
  readonly of: Node;
  readonly signed: boolean;
  readonly unit: HistogramUnit;
  readonly isTime: boolean;
  readonly firstPower: number;
  readonly lastPower: number;
  readonly firstSlot: number;
  readonly slots: number;
}

/** A map of counts: of each key, how often, sums, and a histogram. */
export interface Group {
  readonly map: string;
  readonly key: { readonly fields: readonly Field[]; readonly end: number };
  /** Where the key has its process; absent where it has none. */
  readonly owner?: { readonly start: Field; readonly tgid: Field };
  readonly labels: readonly Field[];
  readonly hasCount: boolean;
  readonly count?: { readonly name: string; readonly help: string };
  readonly sums: readonly SumPlan[];
  readonly histogram?: HistogramPlan;
}

/** The fields of a record, behind its time and its actor. */
export interface RecordPlan {
  readonly struct: string;
  readonly actor?: ActorNodes | undefined;
  readonly fields: { readonly fields: readonly Field[]; readonly end: number };
}

/** All of a signal. */
export interface Plan {
  readonly name: string;
  readonly summary: string;
  readonly where?: Node | undefined;
  readonly groups: readonly Group[];
  readonly record?: RecordPlan;
}

/** Bytes of a record's time, and of a `struct actor`. */
const timeBytes = 8;
const actorBytes = 48;

/** The powers of a histogram's buckets by default, and the slot that power 0 has. */
const powers: Readonly<Record<HistogramUnit, readonly [first: number, last: number, zero: number]>> = {
  seconds: [-22, 6, 30],
  bytes: [0, 30, 0],
  number: [0, 30, 0],
};
const suffixes: Readonly<Record<HistogramUnit, string>> = { seconds: "seconds", bytes: "bytes", number: "values" };

function refuse(problem: string): never {
  throw new TypeError(problem);
}

/** What is wrong with a value that is none. */
function valueProblem(context: Context, value: unknown): string {
  const type = structOf(value);
  return type === undefined
    ? `${quote(String(value))}: expected a number, a condition or a text of the event's`
    : `is a ${typeText(context.kernel.btf, type.id)}: choose one of its fields`;
}

function recorded(context: Context, what: string, values: Values): [string, Recorded][] {
  return Object.entries(values).map(([name, value]) => {
    const isOne = (value as unknown) instanceof Num || value instanceof Condition || value instanceof Text;
    return isOne ? [name, value] : refuse(`${what}: ${name}: ${valueProblem(context, value)}`);
  });
}

/** Does it name its process itself? */
function namesProcess(values: Values): boolean {
  return "pid" in values || "comm" in values;
}

function keyOf(
  context: Context,
  what: string,
  by: Values,
  actor: ActorNodes | undefined,
): Pick<Group, "key" | "owner" | "labels"> {
  const labels = recorded(context, `${what}: by`, by);
  checkLabelNames(labels.map(([name]) => name));
  const process: [string, Recorded][] =
    actor === undefined
      ? []
      : [
          ["", new Num(actor.start)],
          ["", new Num(actor.tgid, { size: 4, signed: false })],
        ];
  const all = [...process, ...labels];
  const key = layOut(all.length === 0 ? [["", new Num(nodes.constant(0n))]] : all, 0);
  const [start, tgid] = key.fields.filter(({ name }) => name === "");
  return {
    key,
    ...(actor === undefined ? {} : { owner: { start: start as Field, tgid: tgid as Field } }),
    // In the order in which they were written.
    labels: labels.map(([name]) => key.fields.find((field) => field.name === name) as Field),
  };
}

function histogramPlan(name: string, summary: string, definition: Histogram): HistogramPlan {
  const { unit = "number" } = definition;
  if (!Object.hasOwn(powers, unit)) {
    refuse(`histogram: unit: ${quote(unit)}: expected seconds, bytes or number`);
  }
  const [first, last, zero] = powers[unit];
  const { firstPower = first, lastPower = last } = definition;
  if (
    !Number.isInteger(firstPower) ||
    !Number.isInteger(lastPower) ||
    firstPower + zero < 0 ||
    lastPower < firstPower
  ) {
    refuse(`histogram: buckets 2^${firstPower} … 2^${lastPower}: expected whole numbers, the first the lower one`);
  }
  const observed = numberOf(definition.of);
  return {
    name: definition.name ?? `${name}_${suffixes[unit]}`,
    help: definition.help ?? sentence(summary),
    of: observed.node,
    signed: observed.shape.signed,
    unit,
    isTime: unit === "seconds",
    firstPower,
    lastPower,
    firstSlot: firstPower + zero,
    slots: lastPower - firstPower + 2,
  };
}

function sentence(summary: string): string {
  const text = summary.charAt(0).toUpperCase() + summary.slice(1);
  return text.endsWith(".") ? text : `${text}.`;
}

function groupsOf(context: Context, definition: Definition, summary: string, actor: ActorNodes | undefined): Group[] {
  const { name, count, histogram } = definition;
  const owned = (by: Values): ActorNodes | undefined => (namesProcess(by) ? undefined : actor);
  const groups: Group[] = [];
  const shared = histogram !== undefined && count !== undefined && histogram.by === undefined;
  const plan = histogram === undefined ? undefined : histogramPlan(name, summary, histogram);
  if (count !== undefined) {
    const by = count.by ?? {};
    groups.push({
      map: "counts",
      ...keyOf(context, "count", by, owned(by)),
      hasCount: true,
      count: { name: count.name ?? `${name}_total`, help: count.help ?? sentence(summary) },
      sums: Object.entries(count.sum ?? {}).map(([sum, value]) => {
        const { node, shape } = numberOf(value);
        return { name: `${name}_${sum}_total`, node, signed: shape.signed };
      }),
      ...(shared && plan !== undefined ? { histogram: plan } : {}),
    });
  }
  if (plan !== undefined && !shared) {
    const by = histogram?.by ?? {};
    const key = keyOf(context, "histogram", by, owned(by));
    groups.push({ map: "observations", ...key, hasCount: false, sums: [], histogram: plan });
  }
  return groups;
}

function recordPlan(context: Context, name: string, values: Values, actor: ActorNodes | undefined): RecordPlan {
  const own = namesProcess(values) ? undefined : actor;
  const start = timeBytes + (own === undefined ? 0 : actorBytes);
  return { struct: `${name}_event`, actor: own, fields: layOut(recorded(context, "record", values), start) };
}

/** Checks a definition and plans it. Throws an error that names the part that is wrong. */
export function planOf(context: Context, definition: Definition): Plan {
  const { name, where, owner, count, histogram, record } = definition;
  const { summary = `the tracepoint ${context.tracepoint}` } = definition;
  if (count === undefined && histogram === undefined && record === undefined) {
    refuse("it has neither count nor histogram nor record: expected at least one");
  }
  if (where !== undefined && !((where as unknown) instanceof Condition)) {
    refuse("where: expected a condition, such as e.error.ne(0)");
  }
  const actor = owner === "none" ? undefined : context.actor(owner);
  return {
    name,
    summary,
    where: where?.node,
    groups: groupsOf(context, definition, summary, actor),
    ...(record === undefined ? {} : { record: recordPlan(context, name, record, actor) }),
  };
}
