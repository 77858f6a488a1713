/** What the signal block has counted, beside the disk's own statistics. */
import assert from "node:assert/strict";

import type { Agent } from "./agent.js";
import { eventually } from "./eventually.js";
import { type DiskStat, grownBy, type LoopDevice } from "./loop-device.js";
import { labelled, type Samples, sum } from "./samples.js";

type Labels = Readonly<Record<string, string | number>>;

/** Requests that have ended. */
export function requests(samples: Samples, labels: Labels): number {
  return sum(samples, "ringtap_block_request_seconds_count", labels);
}

/** Their bytes. */
export function bytes(samples: Samples, labels: Labels): number {
  return sum(samples, "ringtap_block_bytes_total", labels);
}

/**
 * Asserts that the buckets of a histogram can have its sum: that is between those of the lower and of the upper bounds of all that they hold.
 * Returns how many there are.
 */
export function assertSumInBuckets(samples: Samples, metric: string, labels: Labels): number {
  const buckets = new Map<number, number>();
  for (const [own, value] of labelled(samples, `${metric}_bucket`)) {
    if (Object.entries(labels).every(([name, wanted]) => own[name] === String(wanted))) {
      const bound = Number(own.le === "+Inf" ? Infinity : own.le);
      buckets.set(bound, (buckets.get(bound) ?? 0) + value);
    }
  }
  const bounds = [...buckets.keys()].sort((left, right) => left - right);
  let [least, most, below, previous] = [0, 0, 0, 0];
  for (const bound of bounds) {
    const here = (buckets.get(bound) ?? 0) - below;
    assert(here >= 0, `${metric}: bucket ${bound}`);
    least += here * previous;
    most += here === 0 ? 0 : here * bound;
    [below, previous] = [below + here, bound];
  }
  const total = sum(samples, `${metric}_sum`, labels);
  assert(least <= total && total <= most, `${metric}: ${least} <= ${total} <= ${most}`);
  assert.equal(below, sum(samples, `${metric}_count`, labels));
  return below;
}

/** What the agent has counted of a disk, in the kernel's own form (op_stat_group(), block/blk-mq.c). */
export function statOf(samples: Samples, device: string): DiskStat {
  const count = (operation: string): number => requests(samples, { device, operation });
  const sectors = (operation: string): number => bytes(samples, { device, operation }) / 512;
  return {
    reads: count("read"),
    readSectors: sectors("read"),
    writes: count("write") + count("sync") + count("write_zeroes"),
    writeSectors: sectors("write") + sectors("write_zeroes"),
    discards: count("discard"),
    discardSectors: sectors("discard"),
    flushes: count("flush"),
  };
}

/** Begins to compare; what it returns asserts that the agent has counted what the disk has since then. Disks are used again. */
export async function compareWithDisk(agent: Agent, disk: LoopDevice): Promise<() => Promise<Samples>> {
  const earlier = statOf(await agent.scrape(), disk.name);
  const before = disk.stat();
  return () =>
    eventually(async () => {
      const samples = await agent.scrape();
      assert.deepEqual(grownBy(earlier, statOf(samples, disk.name)), grownBy(before, disk.stat()));
      return samples;
    });
}
