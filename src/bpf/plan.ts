/** From what builders returned to what is compiled and run: the programs of a signal, their maps and their record. */
import { quote } from "../log/logger-text.js";
import type { Context } from "./context.js";
import type { Header, Part } from "./definition.js";
import { layOut, type Layout, type Values } from "./fields.js";
import { formOf, type Group, groupsOf, metricOf, namesProcess, recorded } from "./group-plan.js";
import { checkMembers, partMembers, refuse } from "./members.js";
import * as nodes from "./nodes.js";
import type { ActorNodes, Node } from "./nodes.js";
import { keptLayout, keyLayout, type Mark, type StartUse } from "./starts.js";
import { Condition, described, Num, Text } from "./values.js";

/** The fields of a record, behind its time and its actor. */
export interface RecordPlan {
  readonly struct: string;
  readonly actor?: ActorNodes | undefined;
  readonly fields: Layout;
  /** Their names in the order in which they were written. */
  readonly names: readonly string[];
  /** Only one in so many is sent, and only so many each second. */
  readonly sample?: number | undefined;
  readonly limit?: number | undefined;
}

/** A mark of a signal: the program that keeps its starts, and their map. */
export interface MarkPlan {
  readonly program: string;
  readonly tracepoint: string;
  readonly map: string;
  /** Among the signal's. */
  readonly index: number;
  readonly where?: Node | undefined;
  readonly key: Layout;
  readonly value: Layout;
}

/** A start that an event asks for. */
export interface StartPlan {
  readonly id: string;
  readonly mark: MarkPlan;
  readonly key: Layout;
}

/** What is done with the events of a tracepoint. */
export interface EventPlan {
  readonly program: string;
  readonly tracepoint: string;
  /** Conditions that need no start, and those that do. */
  readonly before: readonly Node[];
  readonly starts: readonly StartPlan[];
  readonly after: readonly Node[];
  readonly groups: readonly Group[];
  readonly record?: RecordPlan | undefined;
}

/** All of a signal. */
export interface Plan {
  readonly name: string;
  readonly summary: string;
  readonly events: readonly EventPlan[];
  readonly marks: readonly MarkPlan[];
  /** Each map once. */
  readonly groups: readonly Group[];
  readonly record?: RecordPlan | undefined;
}

/** What a builder has returned, and the call that it was. */
export interface Built {
  readonly context: Context;
  readonly part: Part;
}

/** Bytes of a record's time, and of a `struct actor`. */
const timeBytes = 8;
const actorBytes = 48;

function sentence(summary: string): string {
  const text = summary.charAt(0).toUpperCase() + summary.slice(1);
  return text.endsWith(".") ? text : `${text}.`;
}

/** The most that records are sampled or limited by. */
const mostRecords = 2 ** 31 - 1;

/** A whole number from 1 on; undefined stays so. */
function fromOne(what: string, value: number | undefined): number | undefined {
  const isRight = value === undefined || (Number.isInteger(value) && value >= 1 && value <= mostRecords);
  return isRight ? value : refuse(`${what}: ${described(value)}: expected a whole number from 1 to ${mostRecords}`);
}

/** Refuses fields that would stand in place of what every line of a trace has, or would say who it was in another way. */
function checkOwnNames(values: Values): void {
  for (const name of ["time", "signal"]) {
    if (Object.hasOwn(values, name)) {
      refuse(`record: ${name}: every record has one: expected another name`);
    }
  }
  if (values.comm !== undefined && !(values.comm instanceof Text)) {
    refuse(`record: comm: ${described(values.comm)}: expected a text, the name of a process`);
  }
  if (values.pid !== undefined && !(values.pid instanceof Num)) {
    refuse(`record: pid: ${described(values.pid)}: expected a number, the id of a process`);
  }
}

function recordPlan(context: Context, { name }: Header, part: Part, actor: ActorNodes | undefined): RecordPlan {
  const values: Values = part.record ?? {};
  const own = namesProcess(values) ? undefined : actor;
  for (const field of Object.keys(values)) {
    // An object of JavaScript's can have no field of this name.
    if (!/^[A-Za-z_]\w{0,63}$/.test(field) || field === "__proto__") {
      refuse(
        `record: ${quote(field)}: expected a name of letters, digits and _, not a digit first, up to 64, and not __proto__`,
      );
    }
  }
  checkOwnNames(values);
  const start = timeBytes + (own === undefined ? 0 : actorBytes);
  return {
    struct: `${name}_event`,
    actor: own,
    fields: layOut(recorded(context.kernel, "record", values), start),
    names: Object.keys(values),
    sample: fromOne("sample", part.sample),
    limit: fromOne("limit", part.limit),
  };
}

/** The second and further ones of a kind have numbers. */
function numbered(name: string, index: number): string {
  return index === 0 ? name : `${name}_${index + 1}`;
}

function markPlan(mark: Mark, { name }: Header, index: number, needsOwner: boolean): MarkPlan {
  const { origin, definition } = mark;
  const { where, owner, keep = {} } = definition;
  checkCondition(where);
  return {
    program: numbered(`${name}_start`, index),
    tracepoint: origin.tracepoint,
    map: numbered("starts", index),
    index,
    where: where?.node,
    key: keyLayout(definition.key),
    value: keptLayout(origin.helpers.time, keep, needsOwner ? origin.actor(owner) : undefined),
  };
}

/** The marks that a signal asks for, each once. */
function marksOf(uses: readonly StartUse[], header: Header): Map<Mark, MarkPlan> {
  const marks = [...new Set(uses.map(({ mark }) => mark))];
  const needOwner = (mark: Mark): boolean => uses.some((use) => use.mark === mark && use.needsOwner);
  return new Map(marks.map((mark, index) => [mark, markPlan(mark, header, index, needOwner(mark))]));
}

function checkCondition(where: unknown): void {
  if (where !== undefined && !(where instanceof Condition)) {
    refuse("where: expected a condition, such as e.error.ne(0)");
  }
}

/** The parts of a condition that all have to hold. */
function partsOf(where: Node | undefined): Node[] {
  if (where === undefined) {
    return [];
  }
  return where.is === "and" ? [...partsOf(where.left), ...partsOf(where.right)] : [where];
}

/** Names the maps of groups, so that those of one metric share one. */
class Maps {
  readonly groups: Group[] = [];

  /** The group with its map. Throws when it has the metric of another one, but other labels or numbers. */
  place(group: Group): Group {
    const metric = metricOf(group);
    const known = this.groups.find((other) => metricOf(other) === metric);
    if (known === undefined) {
      const alike = this.groups.filter(({ map }) => map.startsWith(group.map)).length;
      const named = { ...group, map: numbered(group.map, alike) };
      this.groups.push(named);
      return named;
    }
    if (formOf(known) !== formOf(group)) {
      refuse(
        `metric ${metric}: another tracepoint gives it other labels or numbers: expected the same, or another name`,
      );
    }
    return { ...group, map: known.map };
  }
}

/** Are records of the same fields? */
function areAlike(one: RecordPlan, other: RecordPlan): boolean {
  const text = ({ actor, fields: { fields } }: RecordPlan): string =>
    JSON.stringify([
      actor !== undefined,
      fields.map(({ name, kind, bytes, shape }) => [name, kind, bytes, shape.signed]),
    ]);
  return text(one) === text(other);
}

function eventPlan(
  { context, part }: Built,
  program: string,
  header: Header,
  marks: ReadonlyMap<Mark, MarkPlan>,
  maps: Maps,
): EventPlan {
  checkMembers(part, partMembers);
  if (part.record === undefined && (part.sample ?? part.limit) !== undefined) {
    refuse(`${part.sample === undefined ? "limit" : "sample"}: there is no record: expected one`);
  }
  const { where, owner, count, histogram, gauge, record } = part;
  if ((count ?? histogram ?? gauge ?? record) === undefined) {
    refuse("it has neither count nor histogram nor gauge nor record: expected at least one");
  }
  checkCondition(where);
  const actor = owner === "none" ? undefined : context.actor(owner);
  const conditions = partsOf(where?.node);
  const help = sentence(header.summary ?? "");
  return {
    program,
    tracepoint: context.tracepoint,
    before: conditions.filter((condition) => !nodes.needsStart(condition)),
    starts: context.starts.map(({ id, mark, key }) => ({ id, key, mark: marks.get(mark) as MarkPlan })),
    after: conditions.filter(nodes.needsStart),
    groups: groupsOf(context.kernel, header, part, help, actor).map((group) => maps.place(group)),
    record: record === undefined ? undefined : recordPlan(context, header, part, actor),
  };
}

/** Checks what builders have returned and plans it. Throws an error that names the part that is wrong. */
export function planOf({ name, summary }: Header, all: readonly Built[]): Plan {
  const tracepoints = all.map(({ context }) => context.tracepoint);
  const header = { name, summary: summary ?? `the tracepoint ${tracepoints.join(", ")}` };
  const marks = marksOf(
    all.flatMap(({ context }) => context.starts),
    header,
  );
  const maps = new Maps();
  const events = all.map((built, index) => {
    try {
      return eventPlan(built, numbered(name, index), header, marks, maps);
    } catch (error) {
      throw all.length === 1
        ? error
        : new TypeError(`${built.context.tracepoint}: ${error instanceof Error ? error.message : String(error)}`);
    }
  });
  const [record, ...others] = events.flatMap((event) => event.record ?? []);
  if (record !== undefined && !others.every((other) => areAlike(record, other))) {
    refuse("its tracepoints have records of other fields: expected the same, in the same order");
  }
  return { ...header, events, marks: [...marks.values()], groups: maps.groups, record };
}
