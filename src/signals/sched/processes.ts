/**
 * What the kernel's numbers of each thread make for each process: CPU time, context switches, page faults, and waits for a CPU. A scan
 * shows the threads that are there, and the record of a process's end what it had in all.
 */
import {
  actorKeyAt,
  CountedActor,
  Dimension,
  otherTgid,
  type SignalContext,
  startInKey,
  type ValueTable,
} from "ringtap/signal";

import { delayBytes, Delays, ProcessDelays } from "./delays.js";
import { type SchedEvent, SchedThread } from "./records.js";

const numbers = SchedThread.ownLength;

/** enum number of bpf/sched/numbers.h, from the context switches on; those before are CPU time. */
const counted = ["voluntary", "involuntary", "minor", "major"] as const;
const firstCounted = 3;

/** Scans that may miss a process, one of whose threads was being released, until it is deleted. */
const mostMissed = 8;

/** Bytes of a process, roughly: its numbers twice, its delays, and its entry in the map. */
const processBytes = 600 + delayBytes;

/** A process. The arrays are numbers as in enum number. */
interface Process {
  /** Nanoseconds of CLOCK_MONOTONIC: with the tgid it names the process for ever. */
  readonly start: number;
  /** The last scan that has shown it, or the one before its end. */
  scan: number;
  hasEnded: boolean;
  /** Was it there before the agent? Then what it had is not counted. */
  isOlder: boolean;
  /** Its actor, by the scan. */
  actor: number;
  /** By the scan, so far. */
  readonly sums: Float64Array;
  /** What has been counted. */
  readonly shown: Float64Array;
  /** Of the run time that has been counted, ns. */
  user: number;
  system: number;
  readonly delays: ProcessDelays;
}

/**
 * Makes differences of numbers that only grow. A scan reads the threads of a process one after the other, and with each the sums of those
 * that have been released. Of these it takes the ones of the first thread that it shows: a thread that is released later is then missed
 * by this scan, but never counted twice.
 */
export class Processes {
  readonly #identity: SignalContext["identity"];
  readonly #cpu: ValueTable;
  readonly #user: number;
  readonly #system: number;
  readonly #tables: readonly (readonly [table: ValueTable, detail: number])[];
  readonly #skipped: ValueTable;
  /** By tgid. */
  readonly #processes = new Map<number, Process>();
  readonly #scan;
  readonly #delays: Delays;
  readonly #actor = new CountedActor();
  /** When the agent began: processes that are older have counted before. */
  readonly #began: number;
  #scans = 0;
  #ended = 0;

  constructor(context: SignalContext) {
    const { metrics, identity, clock } = context;
    const mode = new Dimension(["mode"]);
    const switchKind = new Dimension(["kind"]);
    const faultKind = new Dimension(["kind"]);
    const subject = identity.subjects;
    this.#identity = identity;
    this.#cpu = metrics.counter({
      name: "ringtap_sched_cpu_seconds_total",
      help: "CPU time of all threads, by mode: user, system; as the kernel divides it for getrusage.",
      subject,
      detail: mode,
    });
    this.#user = mode.intern("user");
    this.#system = mode.intern("system");
    const switches = metrics.counter({
      name: "ringtap_sched_context_switches_total",
      help: "Times that a thread gave up its CPU: voluntary, because it waited for something, or involuntary.",
      subject,
      detail: switchKind,
    });
    const faults = metrics.counter({
      name: "ringtap_sched_page_faults_total",
      help: "Page faults: minor, answered from memory, or major, which had to read from a disk.",
      subject,
      detail: faultKind,
    });
    this.#tables = counted.map((kind, index) =>
      index < 2 ? [switches, switchKind.intern(kind)] : [faults, faultKind.intern(kind)],
    );
    this.#skipped = metrics.counter({
      name: "ringtap_sched_skipped_processes_total",
      help: "Readings of processes that were left out because --identity-limit processes were known.",
    });
    this.#scan = context.scan("sched_threads", SchedThread);
    this.#delays = new Delays(context);
    this.#began = clock.monotonic();
  }

  get memoryAtLimit(): number {
    return this.#identity.limit * processBytes + this.#delays.counters.memoryAtLimit;
  }

  /** Delays that have been counted and had no record. */
  get collected(): number {
    return this.#delays.collected;
  }

  /** The map of delays of threads that have ended, and its entries. */
  get mapEntries(): readonly [map: string, entries: number] {
    const { name, size } = this.#delays.counters;
    return [name, size];
  }

  /** Reads the numbers of all threads, in turns: those that end meanwhile, the next time. */
  async read(): Promise<void> {
    const scan = ++this.#scans;
    await this.#delays.read(this.#take);
    await this.#scan.run((thread) => {
      this.#add(thread, scan);
    });
    for (const [tgid, process] of this.#processes) {
      if (process.scan === scan && !process.hasEnded) {
        this.#count(process, process.actor, process.sums);
        this.#delays.count(this.#identity.subject(process.actor), process.delays, true);
        continue;
      }
      this.#delays.count(this.#identity.subject(process.actor), process.delays, false);
      if (process.scan < scan - (process.hasEnded ? 1 : mostMissed)) {
        this.#delete(tgid, process);
      }
    }
  }

  /** Reads the delays of threads that have ended. Deletes processes that have, if no scrape does that and they are many. */
  async maintain(): Promise<void> {
    await this.#delays.read(this.#take);
    if (this.#ended > this.#identity.limit / 4) {
      await this.read();
      await this.read();
      await this.read();
    }
  }

  /** A process has ended, with these numbers. */
  end(event: SchedEvent): void {
    const process = this.#find(event.tgid, event.start);
    if (process === undefined) {
      return;
    }
    const { sums } = process;
    for (let number = 0; number < numbers; number++) {
      sums[number] = event.totals(number);
    }
    process.actor = this.#identity.of(event);
    this.#count(process, process.actor, sums);
    this.#delays.count(this.#identity.subject(process.actor), process.delays, false);
    process.scan = this.#scans;
    if (!process.hasEnded) {
      process.hasEnded = true;
      this.#ended++;
    }
  }

  /** The process, a new one if need be; undefined when there are too many, or a later one has its tgid. */
  #find(tgid: number, start: number): Process | undefined {
    const known = this.#processes.get(tgid);
    if (known?.start === start) {
      return known;
    }
    if (known !== undefined) {
      if (known.start > start) {
        return undefined;
      }
      this.#delete(tgid, known);
    }
    if (this.#processes.size >= this.#identity.limit) {
      this.#skipped.add(0, 0, 1);
      return undefined;
    }
    const process = {
      start,
      scan: -1,
      hasEnded: false,
      isOlder: start < this.#began,
      actor: 0,
      sums: new Float64Array(numbers),
      shown: new Float64Array(numbers),
      user: 0,
      system: 0,
      delays: new ProcessDelays(),
    };
    this.#processes.set(tgid, process);
    return process;
  }

  #delete(tgid: number, process: Process): void {
    this.#processes.delete(tgid);
    this.#ended -= process.hasEnded ? 1 : 0;
  }

  /** Delays of threads that have ended: of a process that is known, they count with what else it has. */
  readonly #take = (key: Uint32Array, grown: Float64Array): void => {
    const identity = this.#identity;
    const tgid = key[actorKeyAt.tgid] as number;
    const process = tgid === otherTgid ? undefined : this.#find(tgid, startInKey(key, actorKeyAt.start));
    if (process === undefined) {
      const { other } = identity.subjects;
      this.#delays.add(tgid === otherTgid ? other : identity.subject(identity.of(this.#actor.moveTo(key))), grown);
      return;
    }
    const { ended } = process.delays;
    for (const [at, more] of grown.entries()) {
      (ended[at] as number) += more;
    }
    if (process.scan < 0) {
      process.actor = identity.of(this.#actor.moveTo(key));
      process.scan = this.#scans - 1;
    }
    if (process.hasEnded) {
      this.#delays.count(identity.subject(process.actor), process.delays, false);
    }
  };

  #add(thread: SchedThread, scan: number): void {
    const process = this.#find(thread.tgid, thread.start);
    if (process === undefined) {
      return;
    }
    const { sums } = process;
    const isFirst = process.scan !== scan;
    if (isFirst) {
      process.scan = scan;
      process.actor = this.#identity.of(thread);
      process.delays.present.fill(0);
    }
    if (process.hasEnded) {
      return;
    }
    process.delays.add(thread);
    for (let number = 0; number < numbers; number++) {
      const before = isFirst ? thread.ended(number) : (sums[number] as number);
      sums[number] = before + thread.own(number);
    }
  }

  /** Counts what a process has had since it was counted last. */
  #count(process: Process, actor: number, sums: Float64Array): void {
    const { shown, isOlder } = process;
    const subject = this.#identity.subject(actor);
    const { user, system } = process;
    divide(process, sums);
    process.isOlder = false;
    if (!isOlder) {
      this.#addSeconds(subject, this.#user, process.user - user);
      this.#addSeconds(subject, this.#system, process.system - system);
    }
    for (let number = 0; number < numbers; number++) {
      const grown = (sums[number] as number) - (shown[number] as number);
      if (grown <= 0) {
        continue;
      }
      shown[number] = sums[number] as number;
      const counter = this.#tables[number - firstCounted];
      if (counter !== undefined && !isOlder) {
        counter[0].add(subject, counter[1], grown);
      }
    }
  }

  #addSeconds(subject: number, mode: number, nanoseconds: number): void {
    if (nanoseconds > 0) {
      this.#cpu.add(subject, mode, nanoseconds / 1e9);
    }
  }
}

/** Divides the run time into user and system as cputime_adjust() does (kernel/sched/cputime.c): by ticks, and so that neither falls. */
function divide(process: Process, [runTime = 0, userTicks = 0, systemTicks = 0]: Float64Array): void {
  const { user, system } = process;
  if (user + system >= runTime) {
    return;
  }
  const share = systemTicks === 0 ? 0 : userTicks === 0 ? 1 : systemTicks / (userTicks + systemTicks);
  process.system = Math.max(system, Math.floor(share * runTime));
  process.user = runTime - process.system;
  if (process.user < user) {
    process.user = user;
    process.system = runTime - user;
  }
}
