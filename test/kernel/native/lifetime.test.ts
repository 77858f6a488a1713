import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { describe, it } from "node:test";
import { setImmediate } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { native, type Native } from "../../../src/binding/native.js";
import {
  bpfDescriptors,
  bpfMappings,
  call,
  collect,
  compile,
  descriptorCount,
  nativeError,
  u32,
  u64,
} from "./fixture.js";
import { oneOfEach, running } from "./handles.js";
import { until } from "../support/eventually.js";

const addon = fileURLToPath(new URL("../../../native/ringtap.node", import.meta.url));

describe("after close", () => {
  it("an object's methods say that it is closed", () => {
    const { object } = running();
    object.close();
    object.close();
    const actions = [
      () => object.programs,
      () => object.maps,
      () => object.struct("x"),
      () => object.variables(""),
      () => object.enums(),
      () => object.setConstant("target_pid", 1),
      () => object.setAutoload("on_enter", true),
      () => object.setAutocreate("events", true),
      () => object.setMaxEntries("events", 4096),
      () => object.load(),
      () => object.beginLoad(),
      () => object.attach("on_enter"),
      () => object.iterator("on_enter"),
      () => object.ring("events"),
      () => object.map("counters"),
      () => object.stats("on_enter"),
    ];
    for (const action of actions) {
      const error = nativeError(action);
      assert.equal(error.code, "ERINGTAP");
      assert.match(error.message, /: object ring\.bpf\.o is closed$/u);
    }
  });

  it("a ring, a map and an iterator say so too, and their buffers are gone", () => {
    const { object, ring, map, iterator, other } = oneOfEach();
    call(1);
    assert.equal(ring.peek(), 1);
    const { data, index } = ring;
    const { buffer } = iterator;
    object.close();
    other.close();
    assert.equal(data.byteLength, 0);
    assert.equal(index.length, 0);
    assert.equal(buffer.byteLength, 0);
    assert.equal(ring.data, data);
    assert.equal(ring.size, 4096);
    assert.equal(map.info.name, "counters");
    for (const action of [() => ring.peek(), () => ring.release(), () => ring.used(), () => ring.watch(undefined)]) {
      assert.match(nativeError(action).message, /^reading ring "events": the ring is closed$/u);
    }
    for (const action of [() => map.readAll(), () => map.set(u32(0), u64(0)), () => map.deleteKeys(u32(0), 1)]) {
      assert.match(nativeError(action).message, /map "counters": its object is closed$/u);
    }
    for (const action of [() => iterator.read(8), () => iterator.rewind()]) {
      assert.match(nativeError(action).message, /^reading iterator "each_task": the iterator is closed$/u);
    }
    ring.close();
    iterator.close();
  });

  it("a ring leaves the rest of its object alone", () => {
    const { object, ring } = running();
    const map = object.map("counters");
    ring.close();
    ring.close();
    call(1);
    assert.equal(map.readAll(), 4);
    assert.equal(new BigUint64Array(map.values, 0, 1)[0], 1n);
    object.close();
  });

  it("nothing is left attached", () => {
    const first = running();
    first.object.close();
    const second = running();
    call(1);
    assert.equal(second.ring.peek(), 1);
    second.object.close();
  });
});

describe("the addon loaded twice", () => {
  it("gives two independent copies", () => {
    const require = createRequire(import.meta.url);
    const first = require(addon) as Native;
    // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- what a program does to load a module again
    delete require.cache[require.resolve(addon)];
    const second = require(addon) as Native;
    assert.notEqual(first, second);
    const one = running(first);
    const two = running(second);
    call(2);
    assert.equal(one.ring.peek(), 2);
    assert.equal(two.ring.peek(), 2);
    assert.notEqual(one.ring.constructor, two.ring.constructor);
    one.object.close();
    call(1);
    assert.equal(two.ring.peek(), 3);
    assert.match(nativeError(() => second.open(addon)).log, /libbpf/u);
    assert.match(nativeError(() => first.open(addon)).log, /libbpf/u);
    two.object.close();
  });
});

describe("garbage collection", () => {
  /** Makes handles that nothing refers to afterwards, used and unused, open and closed. */
  function litter(): void {
    for (let i = 0; i < 20; i++) {
      const { object, ring, other } = oneOfEach();
      call(2);
      assert.equal(ring.peek(), 2);
      if (i % 3 === 0) {
        ring.close();
      }
      if (i % 2 === 0) {
        object.close();
        other.close();
      }
    }
  }

  it("closes what nobody can reach", async () => {
    await collect();
    const descriptors = bpfDescriptors();
    const mappings = bpfMappings().length;
    litter();
    await collect();
    assert.deepEqual(bpfDescriptors(), descriptors);
    assert.equal(bpfMappings().length, mappings);
  });

  it("keeps programs attached while a ring can be reached", async () => {
    let { ring } = running();
    await collect();
    call(3);
    assert.equal(ring.peek(), 3);
    await collect();
    assert.equal(ring.data.byteLength, 8192);
    ring.close();
    ({ ring } = running());
    ring.close();
  });

  it("leaves a ring's data readable while somebody holds it", async () => {
    const data = (() => {
      const { ring } = running();
      call(1);
      return ring.data;
    })();
    await collect();
    assert.equal(data.byteLength, 8192);
    assert.equal(new DataView(data).getUint32(0, true), 8);
  });

  it("does not end a watch", async () => {
    let woken = 0;
    (() => {
      const { object, ring } = running();
      ring.watch(() => {
        woken++;
        object.close();
      });
    })();
    await collect();
    call(1);
    // The watch must not end with its ring's last reference.
    await until(() => woken > 0);
    await collect();
    assert.equal(woken, 1);
  });
});

describe("a hundred rounds of open and close", () => {
  it("leave no descriptor and no mapping", async () => {
    const round = () => {
      const { object, ring, other } = oneOfEach();
      ring.watch(() => undefined);
      call(1);
      object.close();
      other.close();
    };
    round();
    await collect();
    const descriptors = descriptorCount();
    const mappings = bpfMappings().length;
    for (let i = 0; i < 100; i++) {
      round();
      await setImmediate();
    }
    await collect();
    assert.equal(descriptorCount(), descriptors);
    assert.equal(bpfMappings().length, mappings);
  });

  it("leave nothing behind where the load fails", async () => {
    const path = compile("rejected");
    const round = () => {
      const object = native.open(path);
      object.setAutocreate("impossible", false);
      nativeError(() => object.load());
      object.close();
    };
    round();
    const descriptors = descriptorCount();
    for (let i = 0; i < 100; i++) {
      round();
    }
    await collect();
    assert.equal(descriptorCount(), descriptors);
  });
});
