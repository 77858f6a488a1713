/** What the kernel lacks leaves out the signal that needs it, whatever is done with it: its module loads, and so do the others. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import {
  address,
  cast,
  has,
  type Helpers,
  isNull,
  mark,
  type Num,
  on,
  peek,
  type Text,
  text,
  tracepoint,
  tracepoints,
  userText,
  when,
  withNames,
} from "../../../src/bpf/index.js";
import { defaultFlags, loadSignal } from "../../../src/engine/load.js";
import type { AnySignal } from "../../../src/sdk/signal.js";
import { at } from "../support/built-signal.js";

/** A field that no kernel has, as whatever an expression wants of it. */
type Anything = Num & Text & Readonly<Record<string, Num & Text>>;

const rename = "task_rename";

/** A signal whose builder does something with the field. */
function using(use: (lacking: Anything, h: Helpers) => object): () => AnySignal {
  return () => tracepoint(rename, (e, h) => ({ name: "lacking", ...use(at(e, "task", "nope"), h) }));
}

/** A signal whose mark does. */
function marking(use: (lacking: Anything, h: Helpers) => object): () => AnySignal {
  return () => {
    const begun = mark(rename, (e, h) => ({ key: h.tid, ...use(at(e, "task", "nope"), h) }));
    return tracepoint(rename, (_, h) => ({ name: "lacking", histogram: { of: h.since(begun, h.tid).elapsed } }));
  };
}

const by = (a: Num | Text): object => ({ count: { by: { a } } });

const uses: Readonly<Record<string, () => AnySignal>> = {
  "a label": using(by),
  "arithmetic and a comparison": using((lacking, h) => ({
    count: {},
    where: h.tid.add(lacking).shl(1).eq(lacking).and(lacking.eq(1)).or(h.tid.eq(1)),
  })),
  "a number of another width": using((lacking) => by(cast(lacking, "u8"))),
  "another struct": using((lacking) => by(at(cast(lacking as object, "struct file"), "f_inode", "i_ino"))),
  "a struct at an address": using((lacking, h) => by(at(h.at(lacking, "struct file"), "f_flags"))),
  "the memory at it": using((lacking) => by(peek(lacking, "u16", 2))),
  "a text": using((lacking) => by(text(lacking, 16))),
  "a text of a program": using((lacking) => by(userText(lacking, 16))),
  "a choice of numbers": using((lacking, h) => by(when(h.tid.eq(1), lacking, 0))),
  "a choice of a text": using((lacking, h) => by(when(h.tid.eq(1), text(lacking, 16)))),
  "a condition of a choice": using((lacking, h) => by(when(lacking.eq(1), h.comm))),
  names: using((lacking) => ({ count: {}, where: withNames(lacking, { a: 1 }).eq("a") })),
  "its address": using((lacking) => ({ count: { sum: { a: address(lacking).add(1) } }, where: isNull(lacking) })),
  "has()": using((lacking, h) => ({ count: {}, where: has(lacking, "part") ? lacking.eq(1) : h.tid.eq(1) })),
  "all of its fields": using((lacking) => ({ record: { ...(lacking as object) } })),
  "a record": using((lacking) => ({ record: { pid: lacking, comm: lacking } })),
  "a gauge": using((lacking) => ({ gauge: { add: when(lacking.eq(1), 1, -1) } })),
  "a histogram": using((lacking) => ({ histogram: { of: lacking.div(2), linear: { first: 1, step: 1, count: 2 } } })),
  "the owner": using((lacking) => ({ count: {}, owner: lacking })),
  "what a mark keeps": marking((lacking) => ({ keep: { a: lacking, b: text(lacking, 16) } })),
  "the key of a mark": marking((lacking) => ({ key: [lacking, address(lacking)] })),
  "the owner of a mark": marking((lacking) => ({ owner: lacking })),
  "one of several tracepoints": () =>
    tracepoints({ name: "lacking" }, [
      on(rename, (e) => by(at(cast(at<object>(e, "task", "nope"), "struct file"), "f_flags"))),
    ]),
};

describe("what the kernel lacks leaves out its signal, with a line that names it, when it is taken for", () => {
  for (const [what, build] of Object.entries(uses)) {
    it(what, () => {
      const signal = build();
      assert.equal(signal.name, "lacking");
      assert.throws(
        () => loadSignal(signal, { flags: defaultFlags(signal) }),
        /^LoadError: loading signal lacking: tp_btf: struct task_struct has no field nope on this kernel; it has [^\n]*$/,
      );
    });
  }

  it("a value: one that its enum does not have", () => {
    const signal = tracepoint("kfree_skb", (e) => ({
      name: "lacking",
      owner: "none",
      where: at<Num<"SKB_NOPE">>(e, "reason").eq("SKB_NOPE"),
      count: {},
    }));
    assert.throws(
      () => loadSignal(signal, { flags: defaultFlags(signal) }),
      /: tp_btf: enum skb_drop_reason has no value SKB_NOPE on this kernel; it has SKB_NOT_DROPPED_YET, .*$/,
    );
  });

  it("nothing: a mark that no signal asks for", () => {
    mark(rename, (e, h) => ({ key: h.tid, keep: { a: at<Num>(e, "task", "nope") } }));
    const signal = tracepoint(rename, () => ({ name: "whole", count: {} }));
    loadSignal(signal, { flags: defaultFlags(signal) }).close();
  });
});
