import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, it } from "node:test";
import { setImmediate as nextTurn, setTimeout } from "node:timers/promises";
import { Worker } from "node:worker_threads";

import { bpfDescriptors, bpfMappings, call, collect, compile, getppid } from "./fixture.js";
import { running } from "./handles.js";
import type { Job } from "./worker.js";

const fixture = compile("ring");

function start(mode: Job["mode"]): Worker {
  const job: Job = { fixture, pid: process.pid, nr: getppid, mode };
  return new Worker(new URL("./worker.js", import.meta.url), { workerData: job });
}

/** Terminates a worker while records keep coming, up to its end. */
async function terminateAmidRecords(worker: Worker): Promise<void> {
  const ending = { isOver: false };
  const ended = worker.terminate().then(() => {
    ending.isOver = true;
  });
  while (!ending.isOver) {
    call(20);
    await nextTurn();
  }
  await ended;
}

/** Checks that a worker's end has closed all that it had open. */
async function leavesNothing(work: () => Promise<void>): Promise<void> {
  const descriptors = bpfDescriptors();
  const mappings = bpfMappings().length;
  await work();
  await collect();
  assert.deepEqual(bpfDescriptors(), descriptors);
  assert.equal(bpfMappings().length, mappings);
}

describe("a worker", () => {
  for (const mode of ["drain", "idle", "spin in the callback"] as const) {
    it(`terminated in mode "${mode}" closes its rings, links and polls`, async () => {
      for (let round = 0; round < 10; round++) {
        await leavesNothing(async () => {
          const worker = start(mode);
          await once(worker, "message");
          assert(bpfMappings().length > 0);
          call(20);
          if (mode === "spin in the callback") {
            await once(worker, "message");
          }
          call(20);
          await setTimeout(round);
          await terminateAmidRecords(worker);
        });
      }
    });
  }

  it("ends by itself with a watch open", async () => {
    await leavesNothing(async () => {
      const [code] = (await once(start("end"), "exit")) as [number];
      assert.equal(code, 0);
    });
  });

  it("gets what its callback throws as an uncaught exception", async () => {
    await leavesNothing(async () => {
      const worker = start("throw");
      await once(worker, "message");
      const failed = once(worker, "error");
      const exited = new Promise<number>((resolve) => {
        worker.once("exit", resolve);
      });
      call(1);
      const [error] = (await failed) as [Error];
      assert.equal(error.message, "thrown by onReady");
      assert.equal(await exited, 1);
    });
  });

  it("gets its own errors, and others' handles stay as they are", async () => {
    const { object, ring } = running();
    const worker = start("fail");
    const [message] = (await once(worker, "message")) as [string];
    assert.match(message, /^opening \/nonexistent\/worker\.bpf\.o: /u);
    await worker.terminate();
    call(1);
    assert.equal(ring.peek(), 1);
    object.close();
  });
});

describe("an uncaught exception of the main thread's watch", () => {
  it("reaches process.on('uncaughtException'), and the watch goes on", async () => {
    const { object, ring } = running();
    const caught: unknown[] = [];
    const others = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    process.on("uncaughtException", (error) => caught.push(error));
    ring.watch(() => {
      ring.peek();
      ring.release();
      throw new Error(`thrown ${caught.length}`);
    });
    while (caught.length < 3) {
      call(1);
      await setTimeout(1);
    }
    object.close();
    process.removeAllListeners("uncaughtException");
    for (const listener of others) {
      process.on("uncaughtException", listener);
    }
    assert.deepEqual(
      caught.slice(0, 2).map((error) => (error as Error).message),
      ["thrown 0", "thrown 1"],
    );
  });
});
