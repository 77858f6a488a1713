import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { call, collect, nativeError } from "./fixture.js";
import { oneOfEach, running } from "./handles.js";

describe("misuse", () => {
  const handles = oneOfEach();
  const all = Object.entries({
    ...handles,
    plain: {},
    proxy: new Proxy(handles.ring, {}),
    heir: Object.create(handles.ring) as object,
  });

  /** Everything callable that a handle's class offers: methods, and getters under their name. */
  function members(handle: object): [string, (this: unknown, ...values: unknown[]) => unknown][] {
    const prototype = Object.getPrototypeOf(handle) as object;
    return Object.entries<PropertyDescriptor>(Object.getOwnPropertyDescriptors(prototype))
      .filter(([name]) => name !== "constructor")
      .map(([name, property]) => [name, Reflect.get(property, "value" in property ? "value" : "get") as () => unknown]);
  }

  it("a method called on anything else throws a TypeError", () => {
    let tried = 0;
    for (const owner of [handles.object, handles.ring, handles.map, handles.iterator]) {
      for (const [name, member] of members(owner)) {
        for (const [otherName, other] of all) {
          if (Object.getPrototypeOf(other) === Object.getPrototypeOf(owner) && !["proxy", "heir"].includes(otherName)) {
            continue;
          }
          assert.throws(() => Reflect.apply(member, other, []), { name: "TypeError" }, `${name} of ${otherName}`);
          tried++;
        }
        for (const other of [undefined, null, 1, "x"]) {
          assert.throws(() => Reflect.apply(member, other, []), { name: "TypeError" }, name);
          tried++;
        }
      }
    }
    assert(tried > 300);
  });

  it("no class can be constructed from JavaScript", () => {
    for (const handle of [handles.object, handles.ring, handles.map, handles.iterator]) {
      const constructor = Reflect.get(handle, "constructor") as new (...values: unknown[]) => unknown;
      for (const values of [[], [handle], [{}], [1]]) {
        assert.throws(() => new constructor(...values), { name: "TypeError", message: "Illegal constructor" });
      }
      assert.throws(() => Reflect.construct(constructor, [], Map), { name: "TypeError" });
    }
  });

  it("no argument of a wrong type gets through", () => {
    const wrong = [undefined, null, {}, Symbol("x"), 1.5, -1, NaN, "\0", [], () => 0];
    for (const owner of [handles.object, handles.ring, handles.map, handles.iterator]) {
      for (const [name, member] of members(owner)) {
        if (["close", "programs", "maps", "enums", "watch"].includes(name) || member.name.startsWith("get")) {
          continue;
        }
        for (const value of wrong) {
          try {
            Reflect.apply(member, owner, [value, value]);
          } catch (error) {
            assert(error instanceof Error);
            assert.notEqual(error.message, "");
          }
        }
      }
    }
    assert.equal(handles.ring.peek(), 0);
  });

  it("a ring's data that was moved away stays readable until its new owner is gone", async () => {
    const { object, ring } = running();
    call(1);
    assert.equal(ring.peek(), 1);
    let moved: ArrayBuffer | undefined;
    try {
      moved = structuredClone(ring.data, { transfer: [ring.data] });
    } catch {
      moved = ring.data.slice(0); // newer versions of Node refuse to move it
    }
    object.close();
    await collect();
    assert.equal(new DataView(moved).getBigUint64(8, true), 0n);
  });

  it("an index that was moved away makes peek throw", () => {
    const { object, ring } = running();
    structuredClone(ring.index.buffer, { transfer: [ring.index.buffer as ArrayBuffer] });
    assert.match(nativeError(() => ring.peek()).message, /its index was detached$/u);
    object.close();
  });
});
