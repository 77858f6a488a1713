/** A signal from an expression: {@link tracepoint}. */
import { type FlagValues, single } from "../sdk/flags.js";
import { wholeNumber } from "../sdk/flag-values.js";
import type { Views } from "../sdk/views.js";
import { defineSignal, type AnySignal, type Trace, type TraceType, type TraceValue } from "../sdk/signal.js";
import { kinds } from "./btf-types.js";
import { Context, type Helpers } from "./context.js";
import type { Definition } from "./definition.js";
import type { Field } from "./fields.js";
import { objectOf } from "./build.js";
import { type Plan, planOf } from "./plan.js";
import { type BuiltRecord, recordClass } from "./records.js";
import { startBuilt } from "./running.js";
import type { Tracepoints, Untyped } from "./untyped.js";

const flags = {
  entries: single(
    "entries",
    "<n>",
    "label sets that the kernel counts separately; further ones are ~other",
    "10240",
    wholeNumber(1, 1_000_000),
  ),
};

function traceType({ kind, shape }: Field): TraceType {
  if (kind === "number") {
    return shape.names === undefined ? "integer" : "string";
  }
  return kind === "condition" ? "boolean" : "string";
}

/** Columns of a trace: texts and names are wider than numbers. */
const columnWidths = { string: 20, other: 12 };

function traceOf(fields: readonly Field[]): Trace<BuiltRecord> {
  const names = fields.map(({ name }) => name);
  const types = fields.map(traceType);
  return {
    types: Object.fromEntries(names.map((name, index) => [name, types[index] ?? "string"])),
    outcome: names.filter((_, index) => fields[index]?.shape.names !== undefined || types[index] === "boolean"),
    columns: names.map((name, index) => ({
      field: name,
      heading: name.toUpperCase(),
      width: types[index] === "string" ? columnWidths.string : columnWidths.other,
    })),
    fields: (record) => {
      const values: Record<string, TraceValue> = {};
      names.forEach((name, index) => {
        values[name] = record.value(index);
      });
      return values;
    },
  };
}

/** What `top` and the page show: how often, of each process. */
function viewsOf({ name, summary, groups }: Plan): Views {
  const [group] = groups;
  const latency = groups.find(({ owner, histogram }) => owner !== undefined && histogram?.isTime === true)?.histogram;
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

/** The signal of a plan; `lacks` says what the kernel does not have of it. */
function signalOf(tracepoint: string, plan: Plan, word: number | undefined): AnySignal {
  const { record } = plan;
  const sizes = (entries: number): Record<string, number> =>
    Object.fromEntries(plan.groups.map(({ map }) => [map, entries + 1]));
  return defineSignal({
    api: 1,
    name: plan.name,
    summary: plan.summary,
    object: () => objectOf([{ tracepoint, plan, word }]),
    flags,
    ...(record === undefined ? {} : { ring: { record: recordClass(record) }, trace: traceOf(record.fields.fields) }),
    setup: ({ entries }: FlagValues<typeof flags>) => ({ sizes: sizes(entries) }),
    start: (context) => startBuilt(context, plan),
    views: viewsOf(plan),
  });
}

/** A signal that this kernel cannot have: loading it fails with the reason. */
function absentSignal(name: string, summary: string, reason: Error): AnySignal {
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

/** What the builder of a tracepoint is given and returns. */
export type Builder<Event> = (event: Event, helpers: Helpers) => Definition;

/**
 * A signal that counts and records what happens at a tracepoint of the kernel, in expressions of its arguments. The builder runs once, when
 * the module is loaded; what it returns is compiled to a BPF program for the running kernel, by the types that the kernel itself has.
 *
 * What this kernel does not have of it, a field or the tracepoint itself, leaves the signal out with a line that says so.
 *
 * @example
 * export default tracepoint("sched_process_exit", (e, h) => ({
 *   name: "exit_codes",
 *   where: e.group_dead.ne(0),
 *   count: { by: { comm: h.comm, code: e.p.exit_code.shr(8) } },
 *   record: { pid: h.tgid, parent: e.p.real_parent.comm },
 * }));
 */
export function tracepoint<Name extends keyof Tracepoints>(name: Name, builder: Builder<Tracepoints[Name]>): AnySignal;
export function tracepoint(
  name: keyof Tracepoints extends never ? string : never,
  builder: Builder<Untyped>,
): AnySignal;
export function tracepoint(name: string, builder: Builder<Untyped>): AnySignal {
  const context = new Context(name);
  const { lacks } = context.kernel;
  try {
    const definition: Definition = builder(context.event as Untyped, context.helpers);
    const plan = lacks.length > 0 ? undefined : planOf(context, definition);
    const [reason] = lacks;
    return plan === undefined || reason !== undefined
      ? absentSignal(
          definition.name,
          definition.summary ?? `the tracepoint ${name}`,
          reason ?? new Error("not planned"),
        )
      : signalOf(name, plan, context.kernel.btf.find(kinds.struct, "timespec64"));
  } catch (error) {
    throw (
      lacks[0] ??
      new Error(`tracepoint ${name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
    );
  }
}
