/** Requests under way, by the kernel's own count. */
import { Dimension, type SignalContext, type ValueTable } from "ringtap/signal";
import { readFileSync } from "node:fs";

/** The most disks: what a file of /sys is read for at each scrape. */
const mostDisks = 256;

/** The two numbers of /sys/block/<disk>/inflight (Documentation/ABI/stable/sysfs-block), in this order. */
const directions = ["read", "write"] as const;

/** A gauge of the disks that requests have been counted of. */
export class InflightGauge {
  readonly #table: ValueTable;
  readonly #disks = new Dimension(["device"]);
  readonly #details: readonly number[];
  /** Ids by disk. */
  readonly #known = new Map<string, number>();

  constructor({ metrics }: SignalContext) {
    const direction = new Dimension(["direction"]);
    this.#details = directions.map((word) => direction.intern(word));
    this.#table = metrics.gauge({
      name: "ringtap_block_requests_inflight",
      help: "Requests that a disk is at or that wait for it.",
      subject: this.#disks,
      detail: direction,
      bounded: true,
    });
  }

  /** A request of this disk has been counted. */
  see(disk: string): void {
    if (!this.#known.has(disk) && this.#known.size < mostDisks && /^[^/.][^/]*$/.test(disk)) {
      this.#known.set(disk, this.#disks.intern(disk));
    }
  }

  /** Reads the kernel's files. Disks that are there no more have none under way. */
  read(): void {
    for (const [disk, subject] of this.#known) {
      const counts = numbersOf(disk);
      if (counts === undefined) {
        this.#known.delete(disk);
      }
      for (const [index, detail] of this.#details.entries()) {
        this.#table.set(subject, detail, counts?.[index] ?? 0);
      }
    }
  }
}

/** The numbers in the file of a disk; undefined where there is no such file. */
function numbersOf(disk: string): readonly number[] | undefined {
  try {
    // The kernel writes a slash in a name as an exclamation mark, here and there.
    return readFileSync(`/sys/block/${disk}/inflight`, "latin1").trim().split(/\s+/).map(Number);
  } catch {
    return undefined;
  }
}
