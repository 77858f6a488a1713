/** Control groups by id: their paths, and the labels of the processes in them. */
import { LifeCycle } from "../metrics/life-cycle.js";
import { readCgroupPath } from "./cgroup-path.js";
import { defaultIdentityLimit } from "./defaults.js";
import { forEachInTurns, sharedTurns, TurnQueue, type Turns } from "./turns.js";

/** Labels that a process has by its control group. */
export const cgroupLabels = ["cgroup", "unit", "container_id", "container", "pod", "namespace", "workload"] as const;

/** Values of labels, by the label's name; what is missing is empty. */
export type Names = Readonly<Record<string, string>>;

/** A source of the names of containers, such as Kubernetes. */
export interface ContainerNames {
  /** The labels of a container, by its id and its pod's uid (either may be empty); undefined when it is not known (yet). */
  find(containerId: string, podUid: string): Names | undefined;
}

/** A control group, as the kernel reports it. */
export interface CgroupRecord {
  readonly id: number;
  /** Of the group above; 0 for the root. */
  readonly parent: number;
  /** The last part of its path. */
  readonly name: string;
  /** Not 0: the path has more parts than are reported, and this is the first of those that are. */
  readonly isCut?: number;
}

interface Cgroup {
  readonly parent: number;
  readonly name: string;
  readonly isCut: boolean;
}

/** A group whose names were asked for and whose path is not known. */
interface Unknown {
  /** The group on its path that is missing. */
  readonly missing: number;
  /** The scan that was the last to begin by then. */
  readonly scan: number;
}

export interface CgroupsOptions {
  /** The most groups in the table. Default 32,768: those reported longest ago are deleted first. */
  readonly limit?: number;
  /** The clock, in milliseconds. */
  readonly now?: () => number;
  /** Gets what a listener throws. Default: a warning of the Node process. */
  readonly failed?: (error: unknown) => void;
  /** The time for long work. Default: shared by all of this process. */
  readonly turns?: Turns;
}

/** Gets the id of a group whose names have changed since they were answered. */
export type CgroupListener = (id: number) => void;

/** The root of a hierarchy has the first id: __kernfs_new_node(), fs/kernfs/dir.c. */
const rootId = 1;

/** A group that was removed is kept as long, for records that come late. */
const retentionMs = 60_000;

/** A path that has more parts ends behind these with {@link omitted}: any process can nest the groups that it may write. */
const mostParts = 64;

/** In place of the parts of a path that are not known, or too many. */
const omitted = "~";

const idDigits = 12;

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error));
}

/**
 * Control groups as the `cgroup` signal reports them, and the labels of their processes. A group that was removed never comes back: the
 * kernel does not give its id to another (fs/kernfs/dir.c).
 */
export class Cgroups {
  /** The most groups in the table; lowering it deletes the oldest when the next ones come. */
  limit: number;
  readonly #now: () => number;
  readonly #failed: (error: unknown) => void;
  /** In the order in which they were last reported. */
  readonly #groups = new Map<number, Cgroup>();
  /** Ends in milliseconds. */
  readonly #life = new LifeCycle<number>();
  /** Names as they were answered last, by the group's id. Listeners learn of each change. */
  readonly #answers = new Map<number, Names>();
  readonly #unknown = new Map<number, Unknown>();
  /** Ids of unknown groups, by the group that is missing. */
  readonly #waiting = new Map<number, Set<number>>();
  readonly #listeners = new Set<{ readonly listener: CgroupListener }>();
  readonly #insertListeners: CgroupListener[] = [];
  readonly #endListeners: CgroupListener[] = [];
  /** Groups whose names may be others than were answered. */
  readonly #doubtful: TurnQueue<number>;
  readonly #turns: Turns;
  #scan = 0;
  #containers: ContainerNames | undefined;
  #readRecords: (() => unknown) | undefined;

  constructor(options: CgroupsOptions = {}) {
    const { limit = defaultIdentityLimit, now = () => performance.now(), failed = warn, turns = sharedTurns } = options;
    this.limit = limit;
    this.#turns = turns;
    this.#doubtful = new TurnQueue<number>((id) => {
      this.#renew(id);
    }, turns);
    this.#now = now;
    this.#failed = failed;
    this.#groups.set(rootId, { parent: 0, name: "", isCut: false });
  }

  /** How many groups are known. */
  get size(): number {
    return this.#groups.size;
  }

  /** Are there groups whose names were asked for and are not known? A scan would show those that have processes. */
  get needsScan(): boolean {
    return this.#unknown.size > 0;
  }

  /** Adds a listener; the returned function removes it. What it throws harms no other listener. */
  onChange(listener: CgroupListener): () => void {
    const entry = { listener };
    this.#listeners.add(entry);
    return () => {
      this.#listeners.delete(entry);
    };
  }

  /** From now on `listener` gets the id of each group that becomes known. */
  onInsert(listener: CgroupListener): void {
    this.#insertListeners.push(listener);
  }

  /** From now on `listener` gets the id of each group that is removed, or deleted from the table to make room. */
  onEnd(listener: CgroupListener): void {
    this.#endListeners.push(listener);
  }

  /** Is the group known, and not removed? */
  exists(id: number): boolean {
    return this.#groups.has(id) && !this.#life.hasEnded(id);
  }

  /**
   * From now on `read` is called when an unknown group is asked for: it gives {@link insert} the records that wait. The kernel reports a
   * group before a process in it can do anything, but in another ring.
   */
  readFrom(read: () => unknown): void {
    this.#readRecords = read;
  }

  /** From now on these containers' names are known; call {@link refresh} when they change. */
  follow(containers: ContainerNames): void {
    this.#containers = containers;
    this.refresh();
  }

  /** A record shows a group, perhaps under another name. It may be older than the group's removal, which it does not undo. */
  insert({ id, parent, name, isCut = 0 }: CgroupRecord): void {
    const before = this.#groups.get(id);
    this.#groups.delete(id);
    this.#groups.set(id, { parent, name, isCut: isCut !== 0 });
    if (before !== undefined && before.name !== name) {
      // The paths of all groups below it are others.
      this.refresh();
    }
    for (const waiting of this.#waiting.get(id) ?? []) {
      this.#doubtful.add(waiting);
    }
    while (this.#groups.size > Math.max(1, this.limit)) {
      this.#deleteOldest();
    }
    if (before === undefined) {
      for (const listener of this.#insertListeners) {
        listener(id);
      }
    }
  }

  /** A group was removed; late records may still name it. */
  end(id: number): void {
    if (this.exists(id)) {
      this.#life.end(id, this.#now());
      this.#tellEnd(id);
    }
  }

  /** A scan of all groups that have processes begins: {@link insert} is then called for each. */
  beginScan(): void {
    this.#scan++;
  }

  /**
   * The scan has shown all: gives up those groups that were unknown when it began and still are, until their names are asked for again,
   * and deletes groups that were removed a minute ago. In turns.
   */
  async endScan(): Promise<void> {
    const scan = this.#scan;
    const giveUp = ([id, unknown]: [number, Unknown]): void => {
      if (unknown.scan < scan) {
        this.#answers.delete(id);
        this.#stopWaiting(id);
      }
    };
    await forEachInTurns(this.#unknown, giveUp, this.#turns);
    const due = this.#now() - retentionMs;
    await forEachInTurns(
      this.#life.due((ended) => ended <= due),
      (id) => {
        this.#delete(id);
      },
      this.#turns,
    );
  }

  /** The names of the processes in a group; none for 0. */
  names(id: number): Names {
    if (id === 0) {
      return {};
    }
    return this.#answers.get(id) ?? this.#answer(id);
  }

  /** Compares every answer that was given with what is known now. In turns, of which the first is at once. */
  refresh(): void {
    this.#doubtful.addAll(this.#answers.keys());
  }

  /** The path from the hierarchy's root; undefined as long as a part of it is not known. */
  path(id: number): string | undefined {
    const path = this.#resolve(id);
    return typeof path === "string" ? path : undefined;
  }

  /** The path of a group, or the id of the first group on it, from below, that is not known. */
  #resolve(id: number): string | number {
    const parts: string[] = [];
    let below: Cgroup | undefined;
    // No path has more groups than there are, whatever records say.
    for (let at = id; at !== 0 && parts.length <= this.#groups.size;) {
      const group = this.#groups.get(at);
      if (group === undefined) {
        return below?.isCut === true ? pathOf(parts, true) : at;
      }
      if (group.parent !== 0) {
        parts.push(group.name);
      }
      below = group;
      at = group.parent;
    }
    return pathOf(parts, false);
  }

  /** The same, after the records that wait have been read if need be. */
  #resolveNow(id: number): string | number {
    const path = this.#resolve(id);
    if (typeof path === "string" || this.#readRecords === undefined) {
      return path;
    }
    this.#readRecords();
    return this.#resolve(id);
  }

  #answer(id: number): Names {
    const path = this.#resolveNow(id);
    this.#stopWaiting(id);
    if (typeof path === "number") {
      this.#unknown.set(id, { missing: path, scan: this.#scan });
      const others = this.#waiting.get(path);
      if (others === undefined) {
        this.#waiting.set(path, new Set([id]));
      } else {
        others.add(id);
      }
    }
    const names = typeof path === "number" ? {} : this.#namesOf(path);
    this.#answers.set(id, names);
    return names;
  }

  #renew(id: number): void {
    const before = this.#answers.get(id);
    if (before === undefined || sameNames(before, this.#answer(id))) {
      return;
    }
    for (const { listener } of this.#listeners) {
      try {
        listener(id);
      } catch (error) {
        this.#failed(error);
      }
    }
  }

  #namesOf(path: string): Names {
    const { unit, container, containerId, podUid } = readCgroupPath(path);
    return {
      cgroup: path,
      unit,
      container,
      container_id: containerId.slice(0, idDigits),
      ...(containerId === "" && podUid === "" ? undefined : this.#containers?.find(containerId, podUid)),
    };
  }

  #deleteOldest(): void {
    for (const id of this.#groups.keys()) {
      if (id !== rootId) {
        this.#delete(id);
        return;
      }
    }
  }

  #tellEnd(id: number): void {
    for (const listener of this.#endListeners) {
      listener(id);
    }
  }

  #delete(id: number): void {
    if (this.exists(id)) {
      this.#tellEnd(id);
    }
    this.#groups.delete(id);
    this.#life.begin(id);
    this.#answers.delete(id);
    this.#stopWaiting(id);
  }

  #stopWaiting(id: number): void {
    const unknown = this.#unknown.get(id);
    if (unknown === undefined) {
      return;
    }
    this.#unknown.delete(id);
    const others = this.#waiting.get(unknown.missing);
    others?.delete(id);
    if (others?.size === 0) {
      this.#waiting.delete(unknown.missing);
    }
  }
}

/** The path of parts that are given from below; `isCut`: there are more above. */
function pathOf(parts: readonly string[], isCut: boolean): string {
  const shown = parts.toReversed().slice(0, mostParts);
  const all = [...(isCut ? [omitted] : []), ...shown, ...(parts.length > mostParts ? [omitted] : [])];
  return `/${all.join("/")}`;
}

function sameNames(a: Names, b: Names): boolean {
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].every((key) => (a[key] ?? "") === (b[key] ?? ""));
}
