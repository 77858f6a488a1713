/** The signal that is made of what builders have returned: its flags, its trace, its views. */
import { escapeControls, messageOf } from "../log/error-text.js";
import { type FlagValues, single } from "../sdk/flags.js";
import { duration, refuse, wholeNumber } from "../sdk/flag-values.js";
import type { Views } from "../sdk/views.js";
import { defineSignal, type AnySignal, type Trace, type TraceType, type TraceValue } from "../sdk/signal.js";
import { kinds } from "./btf-types.js";
import type { Header } from "./definition.js";
import type { Field } from "./fields.js";
import { objectOf } from "./build.js";
import { type Built, type Plan, planOf, type RecordPlan } from "./plan.js";
import { type BuiltRecord, recordClass } from "./records.js";
import { startBuilt } from "./running.js";
import { described } from "./values.js";

/** The flags of a signal without marks. */
export const flags = {
  entries: single(
    "entries",
    "<n>",
    "label sets that the kernel counts separately; further ones are ~other",
    "10240",
    wholeNumber(1, 1_000_000),
  ),
};

/** A time above 0, nanoseconds. */
function timeout(text: string): number {
  const nanoseconds = duration(text);
  return nanoseconds > 0 ? nanoseconds : refuse(text, "expected a duration above 0");
}

/** Further flags of a signal with marks. */
const startFlags = {
  starts: single(
    "starts",
    "<n>",
    "starts that wait for their end at a time; further ones are counted as unmatched",
    "10240",
    wholeNumber(1, 1_000_000),
  ),
  startTimeout: single(
    "start-timeout",
    "<duration>",
    "how long a start waits for its end before it is counted as unmatched",
    "5m",
    timeout,
  ),
};

/** The values of flags; those of marks are there where there are marks. */
type BuiltFlags = FlagValues<typeof flags> & Partial<FlagValues<typeof startFlags>>;

function traceType({ kind, shape }: Field): TraceType {
  if (kind === "number") {
    return shape.names === undefined ? "integer" : "string";
  }
  return kind === "condition" ? "boolean" : "string";
}

/** Columns of a trace: texts and names are wider than numbers. */
const columnWidths = { string: 20, other: 12 };

/** What a trace shows of fields besides their values: `outcome` are those by which its summary counts. */
export function traceShape(
  types: Readonly<Record<string, TraceType>>,
  outcome: readonly string[],
): Omit<Trace<BuiltRecord>, "fields"> {
  return {
    types,
    outcome,
    columns: Object.entries(types).map(([field, type]) => ({
      field,
      heading: field.toUpperCase(),
      width: type === "string" ? columnWidths.string : columnWidths.other,
    })),
  };
}

function traceOf({ names, fields: { fields } }: RecordPlan): Trace<BuiltRecord> {
  const order = names.map((name) => fields.findIndex((field) => field.name === name));
  const shown = order.map((index) => fields[index] as Field);
  const outcome = shown.filter((field) => field.shape.names !== undefined || traceType(field) === "boolean");
  return {
    ...traceShape(
      Object.fromEntries(shown.map((field) => [field.name, traceType(field)])),
      outcome.map(({ name }) => name),
    ),
    fields: (record) => {
      const values: Record<string, TraceValue> = {};
      names.forEach((name, at) => {
        values[name] = record.value(order[at] as number);
      });
      return values;
    },
  };
}

/** What `top` and the page show: how often, of each process. */
function viewsOf({ name, summary, groups }: Plan): Views {
  const [group] = groups;
  const latency = groups.find(
    ({ owner, histogram }) => owner !== undefined && histogram?.isTime === true && histogram.buckets.are === "powers",
  )?.histogram;
  return {
    ...(group?.owner === undefined || group.count === undefined
      ? {}
      : {
          columns: [
            {
              key: name,
              metric: group.count.name,
              unit: "count" as const,
              heading: name.toUpperCase(),
              help: summary,
            },
          ],
        }),
    ...(latency === undefined ? {} : { latencies: [{ key: name, title: summary, metric: latency.name }] }),
  };
}

/** The signal of a plan. `word`: see {@link objectOf}. */
function signalOf(plan: Plan, word: number | undefined): AnySignal {
  const { record, marks, groups } = plan;
  const sizes = ({ entries, starts = 1 }: BuiltFlags): Record<string, number> =>
    Object.fromEntries([
      ...groups.map(({ map }) => [map, entries + 1] as const),
      ...marks.map(({ map }) => [map, starts] as const),
    ]);
  return defineSignal({
    api: 1,
    name: plan.name,
    summary: plan.summary,
    object: () => objectOf([plan], word),
    flags: marks.length === 0 ? flags : { ...flags, ...startFlags },
    ...(record === undefined ? {} : { ring: { record: recordClass(record) }, trace: traceOf(record) }),
    setup: (values: BuiltFlags) => ({ sizes: sizes(values) }),
    start: (context, { startTimeout = 0 }: BuiltFlags) => startBuilt(context, plan, { timeout: startTimeout }),
    views: viewsOf(plan),
  });
}

/** A signal that this kernel cannot have: loading it fails with the reason. */
export function absentSignal({ name, summary = name }: Header, reason: Error): AnySignal {
  return defineSignal({
    api: 1,
    name,
    summary,
    object: () => {
      throw reason;
    },
    flags,
    start: () => ({}),
  });
}

/** An error of a builder or of what it has returned; `what` says which. */
export function named(what: string, error: unknown): Error {
  return new Error(`${what}: ${messageOf(error)}`, { cause: error });
}

/** The signal of what builders have returned; one that cannot be loaded where the kernel lacks something. */
export function signalFrom(what: string, header: Header, all: readonly Built[]): AnySignal {
  const [reason] = all.flatMap(({ context }) => context.kernel.lacks);
  const { name, summary } = header as { readonly name: unknown; readonly summary?: unknown };
  if (typeof name !== "string" || !/^[a-z][a-z0-9_]{0,31}$/.test(name)) {
    throw (
      reason ??
      named(
        what,
        new TypeError(`name: ${described(name)}: expected a lower-case letter, then up to 31 letters, digits and _`),
      )
    );
  }
  if (summary !== undefined && (typeof summary !== "string" || summary === "" || escapeControls(summary) !== summary)) {
    throw named(what, new TypeError(`summary: ${described(summary)}: expected one line`));
  }
  if (reason !== undefined) {
    return absentSignal(header, reason);
  }
  const btf = all[0]?.context.kernel.btf;
  try {
    return signalOf(planOf(header, all), btf?.find(kinds.struct, "timespec64"));
  } catch (error) {
    const [lacked] = all.flatMap(({ context }) => context.kernel.lacks);
    if (lacked !== undefined) {
      return absentSignal(header, lacked);
    }
    throw named(what, error);
  }
}
