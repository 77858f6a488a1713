/** Counters of control groups, made of numbers that the kernel keeps of each and that scans read. */
import type { RecordView } from "../binding/record.js";
import type { Identity } from "../identity/identity.js";
import type { ValueTable } from "../metrics/value-table.js";
import type { Scan } from "./signal.js";

/** Groups that are known at most; those that no scan has shown for longest are deleted first. */
const mostGroups = 8192;

/** Bytes of a group, roughly. */
const groupBytes = 300;

/** A group, as a scan shows it. */
export interface GroupRecord extends RecordView {
  /** Of the group itself; no other one ever has it. */
  readonly id: number;
  /** Of the group whose labels it has. */
  readonly cgroup: number;
}

/** One number of a group: where it is counted, and how much of it is 1 there. */
export interface GroupNumber<R extends GroupRecord> {
  readonly table: ValueTable;
  readonly detail?: number;
  readonly unit?: number;
  readonly read: (record: R) => number;
}

interface Group {
  scan: number;
  readonly shown: Float64Array;
}

/**
 * Adds what numbers of groups have grown by from scan to scan. What groups had before the first scan is not counted. The series have the
 * group's labels and none of a process; where `--labels` has none of groups, all groups share one.
 */
export class GroupCounters<R extends GroupRecord> {
  readonly #identity: Identity;
  readonly #numbers: readonly GroupNumber<R>[];
  /** By id, in the order in which scans have shown them last. */
  readonly #groups = new Map<number, Group>();
  #scans = 0;

  constructor(identity: Identity, numbers: readonly GroupNumber<R>[]) {
    this.#identity = identity;
    this.#numbers = numbers;
  }

  /** Bytes that all of it takes at the most. */
  readonly memoryAtLimit = mostGroups * groupBytes;

  /** Runs a scan, which may show a group several times. Rejects as {@link Scan.run} does. */
  async read(scan: Scan<R>): Promise<void> {
    this.#scans++;
    await scan.run((record) => {
      this.#add(record);
    });
  }

  #add(record: R): void {
    const { id } = record;
    let group = this.#groups.get(id);
    if (group?.scan === this.#scans) {
      return;
    }
    const isNew = group === undefined;
    group ??= { scan: 0, shown: new Float64Array(this.#numbers.length) };
    group.scan = this.#scans;
    this.#groups.delete(id);
    this.#groups.set(id, group);
    const isOlder = isNew && this.#scans === 1;
    const subject = isOlder ? -1 : this.#identity.subject(this.#identity.ofGroup(record.cgroup));
    for (const [index, { table, detail = 0, unit = 1, read }] of this.#numbers.entries()) {
      const now = read(record);
      const grown = now - (group.shown[index] as number);
      if (grown <= 0) {
        continue;
      }
      group.shown[index] = now;
      if (!isOlder) {
        table.add(subject, detail, grown / unit);
      }
    }
    if (isNew) {
      this.#deleteOldest();
    }
  }

  #deleteOldest(): void {
    for (const id of this.#groups.keys()) {
      if (this.#groups.size <= mostGroups) {
        return;
      }
      this.#groups.delete(id);
    }
  }
}
