/** Signals from expressions: {@link tracepoint}, {@link tracepoints} and their marks. */
import type { AnySignal } from "../sdk/signal.js";
import { named, signalFrom } from "./built-signal.js";
import { checkUsed } from "./conditions.js";
import { Context, type Helpers, type InterruptHelpers } from "./context.js";
import type { Definition, Header, Owned, Part } from "./definition.js";
import type { Values } from "./fields.js";
import type { InterruptTracepoint } from "./interrupts.js";
import { recorded } from "./group-plan.js";
import { isTable } from "./kernel.js";
import { checkMembers, markMembers } from "./members.js";
import type { Built } from "./plan.js";
import { keyLayout, Mark, type MarkDefinition } from "./starts.js";
import type { Tracepoints, Untyped } from "./untyped.js";
import { collectConditions, described } from "./values.js";

/** What the builder of a tracepoint is given and returns. */
export type Builder<Event, Result, Given = Helpers> = (event: Event, helpers: Given) => Result;

/** The helpers of a tracepoint: where it fires in interrupts, no process is known. */
type HelpersOf<Name> = Name extends InterruptTracepoint ? InterruptHelpers : Helpers;

/** What its builder returns: there, it has to be said whose event it is. */
type ResultOf<Name, Result> = Name extends InterruptTracepoint ? Owned<Result> : Result;

/** Where there are no types of a kernel, the names of its tracepoints are any. */
type AnyName = keyof Tracepoints extends never ? string : ModuleTracepoint;

/** A tracepoint of a module of the kernel, by both names: of it only the running kernel knows the types. */
export type ModuleTracepoint = `${string}:${string}`;

/** What a builder has returned, as it was then: of an object that is none of the kernel's, each member once. */
function checked(result: unknown): object {
  if (!isTable(result)) {
    throw new TypeError(
      `its builder returned ${result instanceof Promise ? "a promise" : described(result)}: expected an object, such as { name: "…", count: {} }`,
    );
  }
  return { ...result };
}

/** Calls a builder; what it throws says of which tracepoint it is. */
function called<Result>(what: string, name: string, builder: Builder<Untyped, Result>): [Context, Result] {
  if (typeof (name as unknown) !== "string" || !/^([\w-]+:)?\w+$/.test(name)) {
    throw new TypeError(
      `${what}: ${described(name)}: expected the name of a tracepoint, such as sched_process_exec or ext4:ext4_sync_file_enter`,
    );
  }
  const context = new Context(name);
  try {
    if (typeof builder !== "function") {
      throw new TypeError(`${described(builder)}: expected a function, such as (e, h) => ({ name: "…", count: {} })`);
    }
    const [result, conditions] = collectConditions(
      () => checked(builder(context.event as Untyped, context.helpers)),
      context.kernel.lacks,
    );
    if (context.kernel.lacks.length === 0) {
      checkUsed(conditions, [result, context.starts.map(({ key }) => key.fields.map(({ value }) => value))]);
    }
    return [context, result as Result];
  } catch (error) {
    if (error instanceof RangeError && error.message.includes("call stack")) {
      throw named(`${what} ${name}`, new Error("the builder does not come to an end: does it call itself?"));
    }
    throw context.kernel.lacks[0] ?? named(`${what} ${name}`, error);
  }
}

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
export function tracepoint<Name extends keyof Tracepoints>(
  name: Name,
  builder: Builder<Tracepoints[Name], ResultOf<Name, Definition>, HelpersOf<Name>>,
): AnySignal;
export function tracepoint(name: AnyName, builder: Builder<Untyped, Definition>): AnySignal;
export function tracepoint(name: string, builder: Builder<Untyped, Definition>): AnySignal {
  const [context, definition] = called("tracepoint", name, builder);
  const { name: signal, summary = `the tracepoint ${name}` } = definition;
  return signalFrom(`tracepoint ${name}`, { name: signal, summary }, [{ context, part: definition }]);
}

/** What is done at one of several tracepoints: {@link on}. */
export class On {
  /** @internal */
  readonly built: Built;

  /** @internal */
  constructor(built: Built) {
    this.built = built;
  }
}

/** What {@link tracepoints} does with the events of one of them: as {@link tracepoint}, without the signal's name and summary. */
export function on<Name extends keyof Tracepoints>(
  name: Name,
  builder: Builder<Tracepoints[Name], ResultOf<Name, Part>, HelpersOf<Name>>,
): On;
export function on(name: AnyName, builder: Builder<Untyped, Part>): On;
export function on(name: string, builder: Builder<Untyped, Part>): On {
  const [context, part] = called("tracepoint", name, builder);
  return new On({ context, part });
}

/**
 * A signal of several tracepoints. Those that give a metric the same name, or none, count in one: their labels are the same, in the same
 * order; so are the fields of their records.
 *
 * @example
 * export default tracepoints({ name: "requests", summary: "requests that a disk has" }, [
 *   on("block_rq_issue", (e) => ({ gauge: { add: 1, by: { disk: e.rq.q.disk.disk_name } } })),
 *   on("block_rq_complete", (e) => ({ owner: "none", gauge: { add: -1, by: { disk: e.rq.q.disk.disk_name } } })),
 * ]);
 */
export function tracepoints(header: Header, parts: readonly On[]): AnySignal {
  if (!isTable(header)) {
    throw new TypeError(`tracepoints: ${described(header)}: expected its name and summary: { name: "…" }`);
  }
  const what = `tracepoints ${described(header.name)}`;
  if (!Array.isArray(parts) || !parts.every((part) => part instanceof On)) {
    throw new TypeError(`${what}: expected a list of what on() has returned`);
  }
  if (parts.length === 0) {
    throw new TypeError(`${what}: expected at least one`);
  }
  return signalFrom(
    what,
    header,
    parts.map(({ built }) => built),
  );
}

/**
 * Keeps what happens at a tracepoint under a key, until an event of another one asks for it by {@link Helpers.since}. The kernel keeps so
 * many as `--<signal>.starts` says, for as long as `--<signal>.start-timeout` does; starts that find it full, are replaced or wait for
 * too long, and ends that find no start, are counted in `<signal>_unmatched_total`.
 *
 * @example
 * const issued = mark("block_rq_issue", (e, h) => ({ key: address(e.rq), keep: { comm: h.comm } }));
 *
 * export default tracepoint("block_rq_complete", (e, h) => {
 *   const start = h.since(issued, address(e.rq));
 *   return {
 *     name: "disk",
 *     owner: "none",
 *     histogram: { of: start.elapsed, unit: "seconds", by: { comm: start.kept.comm } },
 *   };
 * });
 */
export function mark<Name extends keyof Tracepoints, Kept extends Values = Values>(
  name: Name,
  builder: Builder<Tracepoints[Name], MarkDefinition<Kept>, HelpersOf<Name>>,
): Mark<Kept>;
export function mark<Kept extends Values = Values>(
  name: AnyName,
  builder: Builder<Untyped, MarkDefinition<Kept>>,
): Mark<Kept>;
export function mark(name: string, builder: Builder<Untyped, MarkDefinition>): Mark {
  const [context, definition] = called("mark", name, builder);
  try {
    checkMembers(definition, markMembers);
    // What this kernel lacks leaves out the signals that ask for the start, not all of the module.
    if (context.kernel.lacks.length === 0) {
      recorded(context.kernel, "keep", definition.keep ?? {});
      keyLayout(definition.key);
    }
  } catch (error) {
    throw context.kernel.lacks[0] ?? named(`mark ${name}`, error);
  }
  return new Mark(context, definition);
}
