/** Starts: what a mark has kept of an event, found again at another one by its key. */
import { layOut, type Layout, type Recorded, type Values } from "./fields.js";
import type { Kernel } from "./kernel.js";
import * as nodes from "./nodes.js";
import type { ActorNodes, Node } from "./nodes.js";
import { Condition, Num, type Shape, Text } from "./values.js";

/** What tells a start from all others, such as the address of a request, or a thread's id with a number. */
export type Key = Recorded | readonly Recorded[];

/** The events that something begins with. */
export interface MarkDefinition<Kept extends Values = Values> {
  /** Only events for which it holds. */
  readonly where?: Condition;
  /** What the end is found by. A start with the key of one that still waits for its end replaces it. */
  readonly key: Key;
  /** What is to be known of it at its end. */
  readonly keep?: Kept;
  /** Whose start it is; see {@link Part.owner}. */
  readonly owner?: object;
}

/** The call of a builder that a mark comes from. */
export interface Origin {
  readonly tracepoint: string;
  readonly kernel: Kernel;
  readonly helpers: { readonly time: Num };
  /** The process of a task; default: the one that runs. */
  actor(owner: object | undefined): ActorNodes;
}

/** A mark: what is kept of the events of a tracepoint. `mark()` makes it. */
export class Mark<Kept extends Values = Values> {
  /** What is kept: only for the compiler of types. */
  declare readonly kept?: Kept;
  /** @internal */
  readonly origin: Origin;
  /** @internal */
  readonly definition: MarkDefinition<Kept>;

  /** @internal */
  constructor(origin: Origin, definition: MarkDefinition<Kept>) {
    this.origin = origin;
    this.definition = definition;
  }
}

/** The process of a start. */
export class StartOwner {
  /** @internal */
  readonly id: string;

  /** @internal */
  constructor(id: string) {
    this.id = id;
  }
}

/** What is known of a start at its end. */
export interface Start<Kept extends Values = Values> {
  /** Nanoseconds since then. */
  readonly elapsed: Num;
  /** When it was: CLOCK_MONOTONIC, nanoseconds. */
  readonly time: Num;
  /** What its mark says in `keep`. */
  readonly kept: Kept;
  /** The process that it belongs to: for `owner`. */
  readonly owner: StartOwner;
}

/** A start that an event asks for. */
export interface StartUse {
  readonly id: string;
  readonly mark: Mark;
  readonly key: Layout;
  /** Is its process asked for? */
  needsOwner: boolean;
}

const wholeNumber: Shape = { size: 8, signed: false };

/** How a key lies in memory: numbers take 8 bytes, whatever their width, so that they are found by their value. */
export function keyLayout(key: Key): Layout {
  const parts = Array.isArray(key) ? (key as readonly Recorded[]) : [key as Recorded];
  const isOne = (part: unknown): boolean => part instanceof Num || part instanceof Text || part instanceof Condition;
  if (parts.length === 0 || !parts.every(isOne)) {
    throw new TypeError("key: expected a number, a condition or a text of the event's, or a list of them");
  }
  return layOut(
    parts.map((part, index) => [`${index}`, part instanceof Num ? new Num(part.node, wholeNumber) : part] as const),
    0,
  );
}

/** Do keys lie in the same way? */
function areAlike(one: Layout, other: Layout): boolean {
  const text = ({ fields }: Layout): string => fields.map(({ name, kind, bytes }) => `${name} ${kind} ${bytes}`).join();
  return text(one) === text(other);
}

/** A number, condition or text that is kept, as it is at the end. */
function keptValue(id: string, field: string, value: Recorded): Recorded {
  if (value instanceof Text) {
    return new Text(nodes.keptText(id, field, value.node.size));
  }
  if (value instanceof Condition) {
    return new Condition(nodes.kept(id, field, 4, false));
  }
  return new Num(nodes.kept(id, field, value.shape.size === 8 ? 8 : 4, value.shape.signed), value.shape);
}

/** In front of the names of what is kept, so that none is one of the mark's own. */
const prefix = "kept_";

/** Are keys made of the same expressions? */
function areSame(one: Layout, other: Layout): boolean {
  const text = ({ fields }: Layout): string => fields.map(({ value }) => value.node.key).join();
  return text(one) === text(other);
}

/** The start that an event asks for: a further one where it has not asked for this one already, which is there once. */
function useOf(uses: StartUse[], mark: Mark, key: Layout): StartUse {
  const found = uses.find((use) => use.mark === mark && areSame(use.key, key));
  if (found !== undefined) {
    return found;
  }
  const use: StartUse = { id: `${uses.length}`, mark, key, needsOwner: false };
  uses.push(use);
  return use;
}

/** What is known of a start that an event asks for; `time` is the event's. */
export function useStart<Kept extends Values>(uses: StartUse[], time: Num, mark: Mark<Kept>, key: Key): Start<Kept> {
  const layout = keyLayout(key);
  if (!areAlike(layout, keyLayout(mark.definition.key))) {
    throw new TypeError("since: its key has other parts than the mark's: expected as many, in the same order");
  }
  const use = useOf(uses, mark, layout);
  const { id } = use;
  const began = new Num(nodes.kept(id, "time", 8, false));
  const kept = Object.entries(mark.definition.keep ?? {}).map(([name, value]) => [
    name,
    keptValue(id, prefix + name, value),
  ]);
  return {
    time: began,
    elapsed: time.sub(began),
    kept: Object.fromEntries(kept) as Kept,
    get owner() {
      use.needsOwner = true;
      return new StartOwner(id);
    },
  };
}

/** The process of a start, of which its mark has kept all that a record says. */
export function ownerOfStart({ id }: StartOwner): ActorNodes {
  const number = (field: string, size: 4 | 8): Node => nodes.kept(id, field, size, false);
  return {
    tgid: number("tgid", 4),
    tid: number("tid", 4),
    comm: nodes.keptText(id, "comm", 16),
    threadComm: nodes.keptText(id, "thread_comm", 16),
    start: number("start", 8),
    cgroup: number("cgroup", 8),
  };
}

/** All that a mark keeps: its time, its process where one is asked for, and what its definition says. */
export function keptLayout(time: Num, keep: Values, actor: ActorNodes | undefined): Layout {
  const short: Shape = { size: 4, signed: false };
  const process: (readonly [string, Recorded])[] =
    actor === undefined
      ? []
      : [
          ["tgid", new Num(actor.tgid, short)],
          ["tid", new Num(actor.tid, short)],
          ["comm", new Text(actor.comm)],
          ["thread_comm", new Text(actor.threadComm)],
          ["start", new Num(actor.start)],
          ["cgroup", new Num(actor.cgroup)],
        ];
  return layOut(
    [["time", time], ...process, ...Object.entries(keep).map(([name, value]) => [prefix + name, value] as const)],
    0,
  );
}
