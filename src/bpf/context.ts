/** What a builder is called with: the tracepoint's arguments and the helpers; and the process that an event belongs to. */
import { suggestion } from "../config/suggest.js";
import { argumentsOf, argumentValue, prefix, tracepointsOf } from "./arguments.js";
import type { Btf } from "./btf.js";
import { kinds, type Parameter } from "./btf-types.js";
import { constants, helpers } from "./helpers.js";
import { ownerOfStart, type Key, Mark, type Start, StartOwner, type StartUse, useStart } from "./starts.js";
import type { Values } from "./fields.js";
import { firesInInterrupts } from "./interrupts.js";
import { type Kernel, kernelProxy, lack, structAt, structOf } from "./kernel.js";
import { lacking } from "./lacking.js";
import * as nodes from "./nodes.js";
import { moduleOf, moduleTypes, runningKernel, tracepointName } from "./running-kernel.js";
import type { ActorNodes } from "./nodes.js";
import type { Struct, Task } from "./untyped.js";
import { described, Num, type Text } from "./values.js";

/** What there is besides the tracepoint's arguments. */
export interface Helpers {
  /** The process that runs: its id, as the label `pid` has it everywhere (the kernel calls it tgid). */
  readonly pid: Num;
  readonly tgid: Num;
  /** The thread that runs. */
  readonly tid: Num;
  /** The user and group that it runs as. */
  readonly uid: Num;
  readonly gid: Num;
  /** The name of the process that runs: its thread-group leader's. */
  readonly comm: Text;
  /** The id of its control group, version 2. */
  readonly cgroup: Num;
  /** CLOCK_MONOTONIC, nanoseconds. */
  readonly time: Num;
  /** The CPU that it runs on. */
  readonly cpu: Num;
  /** The task that runs: a `struct task_struct`. */
  readonly task: Task;
  /** What lies at an address, as a struct of this name, `struct file`. Nothing checks that one is there. */
  at<Name extends string>(address: Num<string>, type: `struct ${Name}`): Struct<Name>;
  /**
   * The start that a mark has kept under this key; it is used up. Where there is none, the event is neither counted nor recorded, but
   * counted as unmatched. The parts of `where`, joined by `and`, that need no start are tested before it is searched for.
   */
  since<Kept extends Values>(mark: Mark<Kept>, key: Key): Start<Kept>;
}

/** The helpers that say which process runs. */
type OfProcess = "pid" | "tgid" | "tid" | "uid" | "gid" | "comm" | "cgroup" | "task";

/** In place of them where interrupts fire the tracepoint: the task that runs has nothing to do with the event. */
export interface Unattributed {
  readonly "this tracepoint fires in interrupts, while an unrelated process runs: take what a start has kept, or h.unattributed": never;
}

/** What there is at a tracepoint that fires in interrupts. */
export type InterruptHelpers = Omit<Helpers, OfProcess> &
  Readonly<Record<OfProcess, Unattributed>> & {
    /** The task that runs, for an event that may have nothing to do with it. */
    readonly unattributed: Pick<Helpers, OfProcess>;
  };

/** The hierarchy of control groups that identifies containers: enum cgroup_source of bpf/include/ringtap/cgroup.h. */
const cgroupSource = { none: 0n, unified: 1n, pids: 2n };

/** A field of a field of … a struct. */
function part(of: object, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, name) => Reflect.get(value as object, name), of);
}

/** One call of a builder. */
export class Context {
  readonly kernel: Kernel;
  /** Its name, without that of its module. */
  readonly tracepoint: string;
  readonly helpers: Helpers;
  readonly event: object;
  readonly #running: Helpers;
  /** The starts that the builder has asked for. */
  readonly starts: StartUse[] = [];

  /** `name` is the tracepoint's, with its module's in front where it is of one. `parameters` are its arguments, where the caller has them. */
  constructor(name: string, btf = runningKernel(), parameters?: readonly Parameter[]) {
    const { module, event } = tracepointName(name);
    const types = module === undefined ? btf : moduleTypes(module, btf);
    this.kernel = { btf: "problem" in types ? btf : types, lacks: [] };
    this.tracepoint = event;
    this.#running = this.#helpers();
    this.helpers = firesInInterrupts(event) ? unattributed(event, this.#running) : this.#running;
    this.event =
      "problem" in types
        ? lack(this.kernel, `the tracepoint ${name}: ${types.problem}`)
        : this.#event(parameters ?? argumentsOf(types, event), module);
  }

  /** The tracepoint's arguments by name. */
  #event(parameters: readonly Parameter[] | undefined, module: string | undefined): object {
    const { kernel, tracepoint } = this;
    if (parameters === undefined) {
      return lack(kernel, missingTracepoint(kernel.btf, tracepoint, module));
    }
    const names = parameters.map(({ name }) => name);
    const values = new Map<string, unknown>();
    return kernelProxy(
      "an event",
      (name) => {
        const index = names.indexOf(name);
        if (!values.has(name)) {
          const value =
            index < 0
              ? lack(
                  kernel,
                  `the tracepoint ${tracepoint} has no argument ${name} on this kernel${suggestion(name, names)}; it has ${names.join(", ")}`,
                )
              : argumentValue(kernel, tracepoint, index, kernel.btf.peel(parameters[index]?.type ?? 0));
          values.set(name, value);
        }
        return values.get(name);
      },
      () => names,
    );
  }

  #helpers(): Helpers {
    const ids = nodes.helper(helpers.pidTgid);
    const users = nodes.helper(helpers.uidGid);
    const low = (node: nodes.Node): Num => new Num(nodes.extend(node, 4, false), { size: 4, signed: false });
    const high = (node: nodes.Node): Num =>
      new Num(nodes.binary("shr", node, nodes.constant(32n)), { size: 4, signed: false });
    const task = this.#currentTask() as Task;
    const time = new Num(nodes.helper(helpers.time));
    return {
      pid: high(ids),
      tgid: high(ids),
      tid: low(ids),
      uid: low(users),
      gid: high(users),
      // Read only when it is asked for: what a kernel lacks concerns who needs it.
      get comm(): Text {
        return part(task, ["group_leader", "comm"]) as Text;
      },
      cgroup: new Num(nodes.helper(helpers.cgroup)),
      time,
      cpu: new Num(nodes.extend(nodes.helper(helpers.cpu), 4, false), { size: 4, signed: false }),
      task,
      at: <Name extends string>(address: Num<string>, type: `struct ${Name}`) =>
        this.#structAt(address, type) as Struct<Name>,
      since: <Kept extends Values>(mark: Mark<Kept>, key: Key) => {
        if (!(mark instanceof Mark)) {
          throw new TypeError(`since: ${described(mark)}: expected what mark() has returned`);
        }
        const { lacks } = this.kernel;
        lacks.push(...mark.origin.kernel.lacks);
        return lacks.length > 0 ? (lacking as Start<Kept>) : useStart(this.starts, time, mark, key);
      },
    };
  }

  #structAt(address: unknown, type: unknown): object {
    if (typeof type !== "string" || !type.startsWith("struct ")) {
      throw new TypeError(`at: ${described(type)}: expected the name of a struct, such as "struct file"`);
    }
    if (address === lacking) {
      return lacking;
    }
    if (!(address instanceof Num)) {
      throw new TypeError(`at: ${described(address)}: expected an address, which is a number of the kernel's`);
    }
    return structAt(this.kernel, address.node, type.slice("struct ".length));
  }

  /** The current task: since Linux 5.11 the kernel gives it with its type. */
  #currentTask(): object {
    const { btf } = this.kernel;
    const ids = btf.find(kinds.enum, "bpf_func_id");
    const typed = ids !== undefined && btf.enumerators(ids).has("BPF_FUNC_get_current_task_btf");
    const helper = nodes.helper(typed ? helpers.currentTaskTyped : helpers.currentTask);
    return structAt(this.kernel, helper, "task_struct", typed);
  }

  /** The process of a task: the one that runs, or what the definition says. */
  actor(owner: object | undefined): ActorNodes {
    if (owner instanceof StartOwner) {
      return ownerOfStart(owner);
    }
    if (owner !== undefined && structOf(owner)?.name !== "task_struct") {
      throw new TypeError('owner: expected a struct task_struct, or "none"');
    }
    if (owner === undefined && firesInInterrupts(this.tracepoint)) {
      throw new TypeError(
        `owner: ${this.tracepoint} fires in interrupts, while an unrelated process runs: expected the owner of a start, a struct task_struct of the event's, h.unattributed.task, or "none"`,
      );
    }
    const task: object = owner ?? this.#running.task;
    const number = (...path: string[]): nodes.Node => (part(task, path) as Num).node;
    const name = (...path: string[]): nodes.TextNode => (part(task, path) as Text).node;
    return {
      tgid: number("tgid"),
      tid: number("pid"),
      comm: name("group_leader", "comm"),
      threadComm: name("comm"),
      start: number("group_leader", "start_time"),
      cgroup: this.#cgroupOf(part(task, ["cgroups"]) as object),
    };
  }

  /** The id of the control group in the hierarchy that the loader says; 0 where no label needs it. */
  #cgroupOf(set: object): nodes.Node {
    const { btf } = this.kernel;
    const source = nodes.option(constants.cgroups);
    const subsystems = btf.find(kinds.enum, "cgroup_subsys_id");
    const numbers = subsystems === undefined ? new Map<string, bigint>() : btf.enumerators(subsystems);
    const idOf = (...path: string[]): nodes.Node => (part(set, [...path, "kn", "id"]) as Num).node;
    const controller = (name: string): nodes.Node => {
      const number = numbers.get(`${name}_cgrp_id`);
      return number === undefined ? nodes.constant(0n) : idOf("subsys", `${number}`, "cgroup");
    };
    const isSource = (value: bigint): nodes.Node => nodes.compare("eq", source, nodes.constant(value));
    const version1 = nodes.select(isSource(cgroupSource.pids), controller("pids"), controller("memory"));
    const unified = nodes.select(isSource(cgroupSource.unified), idOf("dfl_cgrp"), version1);
    return nodes.select(isSource(cgroupSource.none), nodes.constant(0n), unified);
  }
}

/** What there is in place of a tracepoint that a kernel does not have. */
function missingTracepoint(btf: Btf, tracepoint: string, module: string | undefined): string {
  const names = [...tracepointsOf(btf)].map(([name]) => name);
  if (module !== undefined) {
    return `the module ${module} has no tracepoint ${tracepoint}${suggestion(tracepoint, names)}`;
  }
  const owner = moduleOf(`${prefix}${tracepoint}`, btf);
  const other =
    owner === undefined ? suggestion(tracepoint, names) : `; its module ${owner} has: ${owner}:${tracepoint}`;
  return `this kernel has no tracepoint ${tracepoint}${other}`;
}

const ofProcess: readonly OfProcess[] = ["pid", "tgid", "tid", "uid", "gid", "comm", "cgroup", "task"];

/** The helpers at a tracepoint that fires in interrupts: those that say which process runs throw, but for those of `unattributed`. */
function unattributed(tracepoint: string, running: Helpers): Helpers {
  const refused = Object.fromEntries(
    ofProcess.map((name) => [
      name,
      {
        get: (): never => {
          throw new TypeError(
            `${name}: ${tracepoint} fires in interrupts, while an unrelated process runs: take what a start has kept, or h.unattributed.${name}`,
          );
        },
      },
    ]),
  );
  const given = Object.create(running, { ...refused, unattributed: { value: running } }) as unknown;
  return given as Helpers;
}
