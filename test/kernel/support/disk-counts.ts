/** What the signal block has counted, beside the disk's own statistics. */
import assert from "node:assert/strict";

import type { Agent } from "./agent.js";
import { eventually } from "./eventually.js";
import { type DiskStat, grownBy, type LoopDevice } from "./loop-device.js";
import { type Samples, sum } from "./samples.js";

type Labels = Readonly<Record<string, string | number>>;

/** Requests that have ended. */
export function requests(samples: Samples, labels: Labels): number {
  return sum(samples, "ringtap_block_request_seconds_count", labels);
}

/** Their bytes. */
export function bytes(samples: Samples, labels: Labels): number {
  return sum(samples, "ringtap_block_bytes_total", labels);
}

/** What the agent has counted of a disk, in the kernel's own form (op_stat_group(), block/blk-mq.c). */
function statOf(samples: Samples, device: string): DiskStat {
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
