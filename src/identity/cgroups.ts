/** Control groups by id: where they lie, and the names of who runs in them. */
import { readCgroupPath } from "./cgroup-path.js";
import { defaultIdentityLimit } from "./defaults.js";

/** Labels that a process has by its control group. */
export const cgroupLabels = ["cgroup", "unit", "container_id", "container", "pod", "namespace", "workload"] as const;

/** Values of labels, by the label's name; what is missing is empty. */
export type Names = Readonly<Record<string, string>>;

/** Who runs containers, and knows their names. */
export interface ContainerNames {
  /** The labels of a container, by its id and its pod's uid (either may be empty); undefined when it is not known (yet). */
  find(containerId: string, podUid: string): Names | undefined;
}

/** A control group as the kernel tells of it. */
export interface CgroupRecord {
  readonly id: number;
  /** Of the group above; 0 for the root. */
  readonly parent: number;
  /** The last part of its path. */
  readonly name: string;
}

interface Cgroup {
  readonly parent: number;
  readonly name: string;
  /** When it was removed, milliseconds. */
  gone?: number;
}

export interface CgroupsOptions {
  /** The most groups remembered. Default 32,768: the oldest go first. */
  readonly limit?: number;
  /** The clock, in milliseconds. */
  readonly now?: () => number;
}

/** The root of a hierarchy has the first id: __kernfs_new_node(), fs/kernfs/dir.c. */
const rootId = 1;

/** A group that was removed is remembered as long, for records that come late; milliseconds. */
const memory = 60_000;

/** Paths have fewer parts. */
const deepest = 64;

const idDigits = 12;

/** Control groups as the `cgroup` signal tells of them, and the labels of their processes. */
export class Cgroups {
  /** The most groups remembered; lowering it makes the oldest go as others come. */
  limit: number;
  readonly #now: () => number;
  /** In the order in which they were last told of. */
  readonly #groups = new Map<number, Cgroup>();
  /** By the id of a group whose names somebody has asked for, and is told when they change. */
  readonly #answers = new Map<number, Names>();
  /** Those among them that were asked for in vain. */
  readonly #unknown = new Set<number>();
  #containers: ContainerNames | undefined;
  #onChange: (id: number) => void = () => undefined;

  constructor(options: CgroupsOptions = {}) {
    const { limit = defaultIdentityLimit, now = () => performance.now() } = options;
    this.limit = limit;
    this.#now = now;
    this.#groups.set(rootId, { parent: 0, name: "" });
  }

  /** How many groups are known. */
  get size(): number {
    return this.#groups.size;
  }

  /** Has somebody asked for a group that is not known? A census of groups would tell. */
  get isAsking(): boolean {
    return this.#unknown.size > 0;
  }

  /** `listener` is told the ids of groups whose names are others than were answered. */
  onChange(listener: (id: number) => void): void {
    this.#onChange = listener;
  }

  /** From now on these containers' names are known; call {@link refresh} when they change. */
  follow(containers: ContainerNames): void {
    this.#containers = containers;
    this.refresh();
  }

  /** A group is there. */
  exists({ id, parent, name }: CgroupRecord): void {
    const isNews = !this.#groups.has(id);
    this.#groups.delete(id);
    this.#groups.set(id, { parent, name });
    if (isNews) {
      this.#renew(this.#unknown);
    }
    while (this.#groups.size > Math.max(1, this.limit)) {
      this.#forgetOldest();
    }
  }

  /** A group was removed; late records may still name it. */
  removed(id: number): void {
    const group = this.#groups.get(id);
    if (group !== undefined) {
      group.gone = this.#now();
    }
  }

  /** Everything that there is has been told: forgets what was removed long ago, and stops asking for what nobody knows. */
  tidy(): void {
    const gone = this.#now() - memory;
    for (const [id, group] of this.#groups) {
      if (group.gone !== undefined && group.gone <= gone) {
        this.#forget(id);
      }
    }
    for (const id of this.#unknown) {
      this.#forget(id);
    }
  }

  /** The names of those who run in a group; none for 0. */
  names(id: number): Names {
    if (id === 0) {
      return {};
    }
    return this.#answers.get(id) ?? this.#answer(id);
  }

  /** Looks again at every answer that was given. */
  refresh(): void {
    this.#renew([...this.#answers.keys()]);
  }

  /** The path from the hierarchy's root; undefined as long as a part of it is not known. */
  path(id: number): string | undefined {
    const parts: string[] = [];
    let group = this.#groups.get(id);
    while (group !== undefined && group.parent !== 0 && parts.length < deepest) {
      parts.push(group.name);
      group = this.#groups.get(group.parent);
    }
    return group?.parent === 0 ? `/${parts.reverse().join("/")}` : undefined;
  }

  #answer(id: number): Names {
    const path = this.path(id);
    const names = path === undefined ? {} : this.#name(path);
    this.#answers.set(id, names);
    if (path === undefined) {
      this.#unknown.add(id);
    } else {
      this.#unknown.delete(id);
    }
    return names;
  }

  #renew(ids: Iterable<number>): void {
    for (const id of ids) {
      const before = this.#answers.get(id) ?? {};
      if (!sameNames(before, this.#answer(id))) {
        this.#onChange(id);
      }
    }
  }

  #name(path: string): Names {
    const { unit, container, containerId, podUid } = readCgroupPath(path);
    return {
      cgroup: path,
      unit,
      container,
      container_id: containerId.slice(0, idDigits),
      ...(containerId === "" && podUid === "" ? undefined : this.#containers?.find(containerId, podUid)),
    };
  }

  #forgetOldest(): void {
    for (const id of this.#groups.keys()) {
      if (id !== rootId) {
        this.#forget(id);
        return;
      }
    }
  }

  #forget(id: number): void {
    this.#groups.delete(id);
    this.#answers.delete(id);
    this.#unknown.delete(id);
  }
}

function sameNames(a: Names, b: Names): boolean {
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].every((key) => (a[key] ?? "") === (b[key] ?? ""));
}
