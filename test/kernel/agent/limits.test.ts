/** The sizes of kernel maps: what flags make of them, what they take, and what happens beyond. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { before, describe, it } from "node:test";

import { valuesOf } from "../../../src/cli/flags/signals.js";
import { mapMemoryAtLimit } from "../../../src/binding/map-memory.js";
import type { BpfObject, ObjectMap } from "../../../src/binding/native.js";
import { signals } from "../../../src/signals/index.js";
import { loadSignal } from "../../../src/engine/load.js";
import { indexCount } from "../../../src/sdk/syscall-names.js";
import { runOptions } from "../../cli/run/run-options.js";
import { startAgent } from "../support/agent.js";
import { compileProgram, programSource } from "../support/program.js";
import { sum } from "../support/samples.js";
import type { Scope } from "../support/scope.js";
import { startWaiting } from "../support/waiting.js";

/** Values of flags that limit maps, by `<signal>.<flag>`. */
type Limits = Readonly<Record<`${string}.${string}`, unknown>>;

/** Loads a signal as `run` does, or with the sizes that its object has; the object goes with the scope. */
function load(scope: Scope, name: string, limits: Limits | "as built" = {}): BpfObject {
  const signal = signals.find((each) => each.name === name);
  assert(signal !== undefined);
  const loaded =
    limits === "as built"
      ? loadSignal({ ...signal, setup: () => ({}) })
      : loadSignal(signal, { flags: valuesOf(signal, limits) });
  scope.after(() => {
    loaded.close();
  });
  return loaded.object;
}

function mapOf(object: BpfObject, name: string): ObjectMap {
  const map = object.maps.find((each) => each.name === name);
  assert(map !== undefined);
  return map;
}

/** What the kernel says that a map takes now. */
function countedByKernel({ descriptor }: ObjectMap): number {
  return Number(/^memlock:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, "utf8"))?.[1]);
}

/** Puts as many entries into a hash map as it takes. */
function fill(object: BpfObject, name: string): void {
  const map = object.map(name);
  const key = new Uint8Array(map.info.keySize);
  const value = new Uint8Array(map.info.valueSize);
  for (let entry = 0; entry < map.info.maxEntries; entry++) {
    new DataView(key.buffer).setUint32(0, entry, true);
    map.set(key, value);
  }
}

/** Does it take memory as it fills up? BPF_F_NO_PREALLOC of include/uapi/linux/bpf.h. */
function isGrowing({ descriptor }: ObjectMap): boolean {
  const [, flags] = /^map_flags:\s*(0x[\da-f]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, "utf8")) ?? [];
  return (Number(flags) & 1) !== 0;
}

describe("the memory of a map", () => {
  it("is what the kernel says, for those that have all of it from the start", (t) => {
    let compared = 0;
    for (const { name } of signals) {
      for (const map of load(t, name).maps.filter(({ descriptor }) => descriptor >= 0)) {
        const counted = countedByKernel(map);
        assert(mapMemoryAtLimit(map) >= counted, `${name} ${map.name}`);
        if (!isGrowing(map)) {
          assert.equal(mapMemoryAtLimit(map), counted, `${name} ${map.name}`);
          compared++;
        }
      }
    }
    assert(compared >= 4 * signals.length, `${compared} maps`);
  });

  it("is at least what the kernel says, when one that grows is full", (t) => {
    const limits = {
      "tcp.connectionsLimit": 5_000,
      "syscall.countsLimit": 4_096,
      "syscall.threadsLimit": 100,
    };
    for (const [signal, name] of [
      ["tcp", "connections"],
      ["syscall", "errors"],
    ] as const) {
      const object = load(t, signal, limits);
      const map = mapOf(object, name);
      const expected = mapMemoryAtLimit(map);
      assert(countedByKernel(map) < expected / 2, "it does not grow");
      fill(object, name);
      const counted = countedByKernel(map);
      // The kernel counts what was asked for, and not that the allocator rounds it up.
      assert(expected >= counted && expected < 1.35 * counted, `${name}: ${expected}, by the kernel ${counted}`);
      assert.equal(mapMemoryAtLimit(map), expected);
    }
  });
});

describe("flags of limits", () => {
  const sizes = (scope: Scope, limits: Limits | "as built"): number[] => {
    const syscall = load(scope, "syscall", limits);
    const maps = [mapOf(load(scope, "tcp", limits), "connections")];
    maps.push(...["calls", "lines", "errors", "waiting"].map((name) => mapOf(syscall, name)));
    return maps.map(({ maxEntries }) => maxEntries);
  };

  it("have the sizes of the objects as defaults", (t) => {
    assert.deepEqual(sizes(t, runOptions([])), sizes(t, "as built"));
  });

  it("are rounded up where the programs need it", (t) => {
    const lines = 128 + indexCount;
    assert.deepEqual(sizes(t, { "tcp.connectionsLimit": 7, "syscall.countsLimit": 100, "syscall.threadsLimit": 9 }), [
      7,
      lines,
      lines,
      256,
      9,
    ]);
  });
});

describe("beyond the limits", () => {
  let program = "";
  before(() => {
    const source = programSource("syscall-calls");
    program = compileProgram("rt-limits", source);
  });

  it("calls are counted by name alone, and none is lost", async (t) => {
    const agent = await startAgent(t, ["--signals=syscall", "--syscall.counts-limit=16"]);
    const waiting = await startWaiting(t, program, ["unnamed"]);
    await waiting.go();
    const samples = await agent.scrape();
    assert.equal(sum(samples, "ringtap_map_capacity", { map: "syscall_calls" }), 16 + indexCount);
    assert.equal(sum(samples, "ringtap_syscalls_total", { syscall: "syscall_600" }), 3);
    assert.equal(sum(samples, "ringtap_syscalls_total", { syscall: "syscall_600", comm: "~other" }), 3);
    assert.equal(sum(samples, "ringtap_events_dropped_total", { signal: "syscall" }), 0);
  });

  it("are told at the start, in bytes", async (t) => {
    const small = [
      "--tcp.connections-limit=1000",
      "--tcp.counts-limit=64",
      "--syscall.counts-limit=64",
      "--syscall.threads-limit=1000",
    ];
    const kernel: number[] = [];
    for (const flags of [[], small]) {
      const agent = await startAgent(t, flags);
      const [, maps = "", whole = ""] = /msg="memory at most" kernel=(\d+)MiB agent=(\d+)MiB /.exec(agent.stderr) ?? [];
      const resident = sum(await agent.scrape(), "process_resident_memory_bytes", {}) / 2 ** 20;
      assert(resident < Number(whole), `${resident} MiB of ${whole}`);
      kernel.push(Number(maps));
      await agent.stop();
    }
    const [usual = 0, reduced = 0] = kernel;
    assert(reduced > 0 && reduced < usual / 4, `${reduced} of ${usual} MiB`);
  });
});
