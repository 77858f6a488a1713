import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { describe, it } from "node:test";

import { native } from "../../../src/binding/native.js";
import { call, compile, getppid, records, u32, u64 } from "./fixture.js";

/** No system call of any architecture has this number; the tracepoint fires all the same. */
const slowNumber = 1000;

describe("a busy record", () => {
  it("stops peek, and the records behind it wait", async () => {
    assert(availableParallelism() >= 2, "this test needs two CPUs: one spins inside the kernel");
    // The spinning program cannot be preempted: keep every thread of this process off its CPU.
    execFileSync("taskset", ["--all-tasks", "--cpu-list", "--pid", "1", process.pid.toString()], { stdio: "ignore" });
    const object = native.open(compile("busy"));
    object.setConstant("slow_nr", slowNumber);
    object.setConstant("fast_pid", process.pid);
    object.setConstant("fast_nr", getppid);
    object.load();
    const ring = object.ring("events");
    const hold = object.map("hold");
    hold.set(u32(0), u64(1));
    object.attach("on_enter");

    const slow = spawn("taskset", ["--cpu-list", "0", "perl", "-e", `syscall(${slowNumber})`]);
    const exited = once(slow, "exit");
    const deadline = Date.now() + 5000;
    while (ring.used() === 0) {
      assert(Date.now() < deadline, "the slow program never reserved its record");
    }
    assert.equal(ring.used(), 16);
    assert.equal(ring.peek(), 0);
    call(3);
    assert.equal(ring.used(), 64);
    assert.equal(ring.peek(), 0);
    ring.release();
    assert.equal(ring.used(), 64, "release gave a busy record away");

    hold.set(u32(0), u64(0));
    await exited;
    assert.equal(ring.peek(), 4);
    const numbers = records(ring, 4).map((record) => Number(new DataView(record.buffer).getBigUint64(0, true)));
    assert.deepEqual(numbers, [slowNumber, getppid, getppid, getppid]);
    ring.release();
    assert.equal(ring.used(), 0);
    object.close();
  });
});
