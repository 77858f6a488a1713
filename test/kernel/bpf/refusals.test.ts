/** What a careless or hostile module of `ringtap/bpf` can do: each mistake is one line that says what to do about it. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import {
  cast,
  type Condition,
  isNull,
  isSyscall,
  mark,
  type Num,
  on,
  peek,
  type Recorded,
  syscallArgument,
  type Text,
  text,
  tracepoint,
  tracepoints,
  type Untyped,
  userText,
  when,
  whenLoaded,
  withNames,
} from "../../../src/bpf/index.js";
import { defaultFlags, loadSignal } from "../../../src/engine/load.js";
import type { AnySignal } from "../../../src/sdk/signal.js";
import { at, attach } from "../support/built-signal.js";
import { compileProgram, runProgram } from "../support/program.js";

/** Runs a builder as JavaScript would, whatever it returns, and loads what comes of it. */
function load(builder: (e: Untyped, h: { comm: never; cpu: Num; tgid: Num }) => unknown, name = "task_rename"): void {
  const signal = (tracepoint as (name: string, builder: unknown) => ReturnType<typeof tracepoint>)(name, builder);
  loadSignal(signal, { flags: defaultFlags(signal) }).close();
}

/** The message of what a function throws: one line. */
function problemOf(load: () => unknown): string {
  try {
    load();
  } catch (error) {
    const { message } = error as Error;
    assert.equal(message.split("\n").length, 1, message);
    return message;
  }
  return "nothing wrong";
}

const counted = { name: "wrong", count: {} };

/** As it would be without knowing of and(). */
function both(first: unknown, second: Condition): unknown {
  return first && second;
}

/** h.since(), as it can be called from JavaScript. */
function since(h: object): (mark: object, key: Num) => { readonly elapsed: Num } {
  return Reflect.get(h, "since") as ReturnType<typeof since>;
}

/** Expressions that a careless module has of other builders. */
function otherBuilders(): Readonly<Record<"argument" | "number" | "text", Recorded & Num>> {
  const found: Record<string, Recorded> = {};
  const begun = mark("task_rename", (_, h) => ({ key: h.tid, keep: { text: h.comm, number: h.cpu } }));
  tracepoint("sched_process_exit", (e, h) => {
    Object.assign(found, { argument: at(e, "p", "pid") }, h.since(begun, h.tid).kept);
    return counted;
  });
  return found as ReturnType<typeof otherBuilders>;
}

const elsewhere = otherBuilders();

/** What builders return, and what is said of it. */
const wrong: Readonly<Record<string, readonly [builder: Parameters<typeof load>[0], says: RegExp]>> = {
  nothing: [() => undefined, /^tracepoint task_rename: its builder returned "undefined": expected an object/],
  "a promise": [() => Promise.resolve(counted), /its builder returned a promise: expected an object/],
  "that it throws": [
    () => {
      throw new Error("no luck");
    },
    /^tracepoint task_rename: no luck$/,
  ],
  "that it throws no error": [
    () => {
      // eslint-disable-next-line @typescript-eslint/only-throw-error -- as a user's module may
      throw "no luck";
    },
    /^tracepoint task_rename: no luck$/,
  ],
  "nothing to do": [() => ({ name: "wrong" }), /it has neither count nor histogram nor gauge nor record/],
  "a member that is misspelt": [
    () => ({ name: "wrong", coutn: {} }),
    /^tracepoint task_rename: "coutn" is not known \(did you mean "count"\?\)$/,
  ],
  "a member of a part that is misspelt": [
    () => ({ name: "wrong", count: { bye: {} } }),
    /count: "bye" is not known \(did you mean "by"\?\)$/,
  ],
  "a part that is no object": [() => ({ name: "wrong", count: true }), /count: "true": expected an object/],
  "a field that is not there": [
    (e) => ({ name: "wrong", count: { by: { a: at(e, "task", "com") } } }),
    /struct task_struct has no field com on this kernel \(did you mean "comm"\?\); it has thread_info, /,
  ],
  "an argument that is not there": [
    (e) => ({ name: "wrong", count: { by: { a: at(e, "tsk") } } }),
    /the tracepoint task_rename has no argument tsk on this kernel \(did you mean "task"\?\); it has task, comm$/,
  ],
  "a struct as a label": [
    (e) => ({ name: "wrong", count: { by: { task: at(e, "task") } } }),
    /count: by: task: is a struct task_struct: choose one of its fields/,
  ],
  "a string of JavaScript's as a label": [
    () => ({ name: "wrong", count: { by: { a: "text" } } }),
    /count: by: a: "text": expected a number, a condition or a text of the event's/,
  ],
  "a text as a histogram": [
    (_, h) => ({ name: "wrong", histogram: { of: h.comm } }),
    /^tracepoint task_rename: histogram: of: a text of the kernel's: expected a whole number, or a number of the kernel's$/,
  ],
  "a text as a sum": [
    (_, h) => ({ name: "wrong", count: { sum: { a: h.comm } } }),
    /count: sum: a: a text of the kernel's: expected a whole number/,
  ],
  "a struct as a gauge": [
    (e) => ({ name: "wrong", gauge: { last: at(e, "task") } }),
    /gauge: last: a struct or an object: expected a whole number/,
  ],
  "a condition that is constant": [
    () => ({ ...counted, where: true }),
    /where: expected a condition, such as e\.error\.ne\(0\)/,
  ],
  "an operator of JavaScript's": [
    (_, h) => ({ ...counted, where: (h.tgid as unknown as number) > 1 }),
    /a number of the kernel's is known when the event happens, not when the signal is built: use eq\(\), gt\(\), add\(\)/,
  ],
  "a text in a template": [
    (_, h) => ({ name: "wrong", count: { by: { [`name of ${h.comm as string}`]: h.tgid } } }),
    /a text of the kernel's is known when the event happens.*: use eq\(\) and ne\(\)/,
  ],
  "a fraction": [(_, h) => ({ ...counted, where: h.tgid.gt(1.5) }), /"1\.5": expected a whole number/],
  "a number that JavaScript rounds": [
    (_, h) => ({ ...counted, where: h.tgid.eq(2 ** 53) }),
    /^tracepoint task_rename: "9007199254740992": JavaScript knows no number as large exactly: write it as a bigint/,
  ],
  "a number of more than 64 bits": [
    (_, h) => ({ ...counted, where: h.tgid.eq(2n ** 64n) }),
    /^tracepoint task_rename: "18446744073709551616": expected a number of 64 bits$/,
  ],
  "a limit without end": [
    (_, h) => ({ name: "wrong", record: { pid: h.tgid }, limit: 2 ** 53 }),
    /^tracepoint task_rename: limit: "9007199254740992": expected a whole number from 1 to 2147483647$/,
  ],
  "a text with another one in its place": [
    (_, h) => ({ name: "wrong", count: { by: { a: (when as (...all: unknown[]) => Text)(h.tgid.eq(1), h.comm, 2) } } }),
    /^tracepoint task_rename: when: "2": expected nothing, as a text is empty where the condition does not hold$/,
  ],
  "a field of a record that no object can have": [
    (_, h) => ({ name: "wrong", record: { ["__proto__"]: h.tgid } }),
    /record: "__proto__": expected a name of letters, digits and _/,
  ],
  "a label with a name of no metric": [
    (_, h) => ({ name: "wrong", count: { by: { größe: h.tgid } } }),
    /label "größe": not a Prometheus label name/,
  ],
  "a field of a record with a name of no struct": [
    (_, h) => ({ name: "wrong", record: { größe: h.tgid } }),
    /record: "größe": expected a name of letters, digits and _/,
  ],
  "a text that is too long": [
    (e) => ({ name: "wrong", count: { by: { a: text(at(e, "comm"), 1e9) } } }),
    /text of 1000000000 bytes: expected 1 to 256/,
  ],
  "too many long texts": [
    (e) => ({
      name: "wrong",
      count: { by: Object.fromEntries([1, 2, 3].map((n) => [`a${n}`, text(at(e, "comm"), 250 + n)])) },
    }),
    /it needs \d+ bytes of stack and there are 512: use fewer or shorter texts/,
  ],
  "a thousand labels": [
    (_, h) => ({
      name: "wrong",
      count: { by: Object.fromEntries(Array.from({ length: 1000 }, (__, n) => [`a${n}`, h.tgid.add(n)])) },
    }),
    /it needs \d+ bytes of stack and there are 512/,
  ],
  "an expression that doubles each time": [
    (_, h) => {
      let number = h.tgid;
      for (let round = 0; round < 64; round++) {
        number = number.add(number);
      }
      return { name: "wrong", count: { sum: { number } } };
    },
    /an expression has too many parts/,
  ],
  "an expression without end": [
    (e) => {
      const follow = (task: Untyped): Untyped => follow(at(task, "real_parent"));
      return follow(at(e, "task"));
    },
    /^tracepoint task_rename: an expression has too many parts/,
  ],
  "a builder without end": [
    () => {
      const call = (): unknown => [call()];
      return call();
    },
    /^tracepoint task_rename: the builder does not come to an end: does it call itself\?$/,
  ],
  "an expression that is deep": [
    (_, h) => {
      let number = h.tgid;
      for (let round = 0; round < 20_000; round++) {
        number = number.add(round);
      }
      return { name: "wrong", count: { sum: { number } } };
    },
    /too many parts/,
  ],
  "very many conditions": [
    (_, h) => {
      let where = h.tgid.eq(1);
      for (let round = 0; round < 12_000; round++) {
        where = where.or(h.cpu.eq(round));
      }
      return { ...counted, where };
    },
    /too many parts/,
  ],
  "a name that no enum has": [
    (_, h) => ({ ...counted, where: withNames(h.cpu, { first: 0 }).eq("frist" as "first") }),
    /"frist": no value of these \(did you mean "first"\?\); it has first/,
  ],
  "a name of another type": [
    () => ({ name: 7, count: {} }),
    /^tracepoint task_rename: name: "7": expected a lower-case/,
  ],
  "a summary of two lines": [
    () => ({ ...counted, summary: "one\ntwo" }),
    /^tracepoint task_rename: summary: "one\\ntwo": expected one line$/,
  ],
  "an error of several lines": [
    () => {
      throw new Error("one\ntwo");
    },
    /^tracepoint task_rename: one\\ntwo$/,
  ],
  "that it throws what is no text": [
    () => {
      throw Object.create(null);
    },
    /^tracepoint task_rename: an error that has no text$/,
  ],
  "a member that throws": [
    () => ({
      get name() {
        throw new Error("no luck");
      },
    }),
    /^tracepoint task_rename: no luck$/,
  ],
  "its event": [(e) => e, /its builder returned a struct or an object: expected an object, such as/],
  "a list": [() => [counted], /its builder returned a struct or an object: expected an object, such as/],
  "an event as JSON": [
    (e) => ({ name: JSON.stringify(e), count: {} }),
    /^tracepoint task_rename: an event of the kernel's is known when the event happens, .*: use its fields instead/,
  ],
  "a struct in a template": [
    (e) => ({ name: `of ${at<string>(e, "task")}`, count: {} }),
    /^tracepoint task_rename: a struct of the kernel's is known when the event happens, .*: use its fields instead/,
  ],
  "a field that is written": [
    (e) => {
      Reflect.set(at<object>(e, "task"), "tgid", 1);
    },
    /^tracepoint task_rename: tgid: a struct of the kernel's can be read, and not be written$/,
  ],
  "a field that is deleted": [
    (e) => {
      Reflect.deleteProperty(at<object>(e, "task"), "tgid");
    },
    /^tracepoint task_rename: tgid: a struct of the kernel's can be read, and not be written$/,
  ],
  "all arguments, of which one is a struct": [
    (e) => ({ name: "wrong", record: { ...(e as object) } }),
    /^tracepoint task_rename: record: task: is a struct task_struct: choose one of its fields$/,
  ],
  "a struct that is awaited": [
    async (e) => {
      await at(e, "task");
      return counted;
    },
    /^tracepoint task_rename: its builder returned a promise: expected an object/,
  ],
  "a system call without a name": [
    (e, h) => ({ ...counted, where: (isSyscall as (...all: unknown[]) => Condition)(e, h) }),
    /^tracepoint task_rename: isSyscall: expected the name of at least one system call, such as "fsync"$/,
  ],
  "an argument that no system call has": [
    (e) => ({ name: "wrong", count: { sum: { a: (syscallArgument as (...all: unknown[]) => Num)(e, 6) } } }),
    /^tracepoint task_rename: syscallArgument: "6": expected 0 to 5$/,
  ],
  "a function as a number": [
    (_, h) => ({ ...counted, where: h.tgid.eq(Number as never) }),
    /: expected a whole number, or a number of the kernel's$/,
  ],
  "five thousand fields": [
    (_, h) => ({
      name: "wrong",
      record: Object.fromEntries(Array.from({ length: 5000 }, (__, n) => [`a${n}`, h.tgid.add(n)])),
    }),
    /a record or an entry of a map would have over 32767 bytes: use fewer fields, sums or texts$/,
  ],
  "an argument of another tracepoint": [
    () => ({ name: "wrong", count: { sum: { a: elsewhere.argument } } }),
    /an argument of the tracepoint sched_process_exit is not there at task_rename: have a mark keep it$/,
  ],
  "what a start has kept for another event": [
    () => ({ name: "wrong", count: { by: { a: elsewhere.number, b: elsewhere.text } } }),
    /what a start has kept is there only where h\.since\(\) has asked for it$/,
  ],
  "a text that a start has kept for another event": [
    () => ({ name: "wrong", count: { by: { a: elsewhere.text } } }),
    /what a start has kept is there only where h\.since\(\) has asked for it$/,
  ],
  "a pointer that is compared with null": [
    (e) => ({ ...counted, where: at(e, "task") === null }),
    /where: expected a condition, such as/,
  ],
  "two conditions joined by &&": [
    (_, h) => ({ ...counted, where: both(h.tgid.eq(1), h.cpu.eq(0)) }),
    /^tracepoint task_rename: a condition is part of nothing that is counted or recorded: JavaScript's own if, \?:, &&, \|\| and ! take it for true: use and\(\), or\(\), not\(\) and when\(\)$/,
  ],
  "a condition in an if": [
    (_, h) => {
      const isFirst: unknown = h.tgid.eq(1);
      return isFirst ? counted : undefined;
    },
    /a condition is part of nothing that is counted or recorded/,
  ],
  "a condition that is none, joined": [
    (_, h) => ({ ...counted, where: h.tgid.eq(1).and(true as never) }),
    /^tracepoint task_rename: "true": expected a condition, such as e\.error\.ne\(0\)$/,
  ],
  "a number as a condition": [
    (_, h) => ({ name: "wrong", count: { by: { a: when(h.cpu as never, 1, 2) } } }),
    /^tracepoint task_rename: a number of the kernel's: expected a condition/,
  ],
  "a text that is compared with a number": [
    (e) => ({ ...counted, where: at<Text>(e, "comm").eq(5 as never) }),
    /^tracepoint task_rename: "5": expected a string, such as "sh"$/,
  ],
  "labels that are no object": [
    (e) => ({ name: "wrong", count: { by: new Map([["comm", at<Text>(e, "comm")]]) } }),
    /^tracepoint task_rename: count: by: a struct or an object: expected an object, such as \{ … \}$/,
  ],
  "labels that are a struct": [
    (e) => ({ name: "wrong", count: { by: at<object>(e, "task") } }),
    /^tracepoint task_rename: count: by: a struct or an object: expected an object, such as \{ … \}$/,
  ],
  "no record, but how many of them": [() => ({ ...counted, limit: 5 }), /limit: there is no record: expected one$/],
  "a metric with a name of none": [
    () => ({ name: "wrong", count: { name: "größe_total" } }),
    /^tracepoint task_rename: metric "größe_total": not a Prometheus metric name$/,
  ],
  "a counter without its ending": [
    () => ({ name: "wrong", count: { name: "wrong" } }),
    /^tracepoint task_rename: metric "wrong": the name of a counter must end in _total$/,
  ],
  "a histogram with the label of its buckets": [
    (_, h) => ({ name: "wrong", histogram: { of: h.tgid, by: { le: h.cpu } } }),
    /^tracepoint task_rename: histogram: by: "le" is the label of its buckets: expected another name$/,
  ],
  "buckets beyond all numbers": [
    (_, h) => ({ name: "wrong", histogram: { of: h.tgid, lastPower: 1e9 } }),
    /^tracepoint task_rename: histogram: buckets 2\^0 … 2\^1000000000: expected whole numbers from 0 to 64/,
  ],
  "buckets of equal width beyond exact numbers": [
    (_, h) => ({ name: "wrong", histogram: { of: h.tgid, linear: { first: 1, step: 2 ** 52, count: 100 } } }),
    /^tracepoint task_rename: histogram: linear: first 1, step 4503599627370496, count 100: expected bounds below 2\^53$/,
  ],
  "buckets of no width": [
    (_, h) => ({ name: "wrong", histogram: { of: h.tgid, linear: { first: 1, step: 0, count: 3 } } }),
    /^tracepoint task_rename: histogram: linear: first 1, step 0: expected whole numbers above 0$/,
  ],
  "an address that is none": [
    () => ({ name: "wrong", count: { by: { a: userText(5 as never) } } }),
    /^tracepoint task_rename: userText: "5": expected an address/,
  ],
  "an element that is too far away": [
    (e) => ({ name: "wrong", count: { by: { a: at<Num>(e, "task", "999999999", "tgid") } } }),
    /^tracepoint task_rename: element 999999999: it lies 2\^29 bytes away, or further$/,
  ],
  "a number too far behind an address": [
    (e) => ({ name: "wrong", count: { by: { a: peek(at<object>(e, "task"), "u64", 2 ** 29) } } }),
    /^tracepoint task_rename: peek: offset 536870912: expected a whole number of bytes, below 2\^29$/,
  ],
  "a start of no mark": [
    (_, h) => ({ ...counted, where: since(h)({}, h.tgid).elapsed.gt(1) }),
    /^tracepoint task_rename: since: a struct or an object: expected what mark\(\) has returned$/,
  ],
  "a record with a time of its own": [
    (_, h) => ({ name: "wrong", record: { time: h.tgid } }),
    /^tracepoint task_rename: record: time: every record has one: expected another name$/,
  ],
  "a record that calls its process by a number": [
    (_, h) => ({ name: "wrong", record: { comm: h.tgid } }),
    /^tracepoint task_rename: record: comm: a number of the kernel's: expected a text, the name of a process$/,
  ],
  "a cast without end": [
    (_, h) => {
      let number: Num = h.tgid;
      for (let round = 0; round < 100_000; round++) {
        number = cast(number, "u8");
      }
      return { name: "wrong", count: { sum: { number } } };
    },
    /too many parts/,
  ],
  "a bad name": [
    (_, h) => ({ name: "größe", count: { by: { a: h.tgid } } }),
    /name: "größe": expected a lower-case letter, then up to 31/,
  ],
};

describe("a signal of ringtap/bpf is refused, in one line, for", () => {
  for (const [what, [builder, says]] of Object.entries(wrong)) {
    it(what, () => {
      assert.match(
        problemOf(() => {
          load(builder);
        }),
        says,
      );
    });
  }

  it("a tracepoint that is misspelt, or none at all", () => {
    const name = problemOf(() => {
      load(() => counted, "task_renam");
    });
    assert.match(name, /this kernel has no tracepoint task_renam \(did you mean "task_rename"\?\)$/);
    for (const none of ["", "task\nrename", "../../etc:passwd", "task rename"]) {
      const message = problemOf(() => {
        load(() => counted, none);
      });
      assert.match(
        message,
        /^tracepoint: ".*": expected the name of a tracepoint, such as sched_process_exec or ext4:/,
      );
    }
    assert.throws(() => tracepoints({ name: "none" }, []), /^TypeError: tracepoints "none": expected at least one$/);
    const twice = (name: string) => on("task_rename", (e) => ({ count: { by: { [name]: at(e, "task", "tgid") } } }));
    assert.throws(
      () => tracepoints({ name: "unlike" }, [twice("a"), twice("b")]),
      /task_rename: metric unlike_total: another tracepoint gives it other labels or numbers/,
    );
  });
});

describe("what is built of several parts is refused, in one line, for", () => {
  const tracepointsOf = tracepoints as (header: unknown, parts?: unknown) => unknown;
  const markOf = mark as (name: unknown, builder: unknown) => unknown;
  const problems: Readonly<Record<string, readonly [build: () => unknown, says: RegExp]>> = {
    "no name": [() => tracepointsOf(null, []), /^tracepoints: "null": expected its name and summary/],
    "no list": [
      () => tracepointsOf({ name: "wrong" }),
      /^tracepoints "wrong": expected a list of what on\(\) has returned$/,
    ],
    "parts that are none": [
      () => tracepointsOf({ name: "wrong" }, [5]),
      /^tracepoints "wrong": expected a list of what on/,
    ],
    "a tracepoint without a name": [() => markOf(undefined, () => ({})), /^mark: "undefined": expected the name of a/],
    "no builder": [() => markOf("task_rename", 5), /^mark task_rename: "5": expected a function/],
    "a number that is kept": [
      () => markOf("task_rename", (_: object, h: { tid: Num }) => ({ key: h.tid, keep: { a: 5 } })),
      /^mark task_rename: keep: a: "5": expected a number, a condition or a text of the event's$/,
    ],
    "a mark without a key": [
      () => markOf("task_rename", () => ({})),
      /^mark task_rename: key: expected a number, a condition or a text of the event's, or a list of them$/,
    ],
    "a member of a mark that is misspelt": [
      () => markOf("task_rename", (_: object, h: { tid: Num }) => ({ key: h.tid, keeps: {} })),
      /^mark task_rename: "keeps" is not known \(did you mean "keep"\?\)$/,
    ],
  };
  for (const [what, [build, says]] of Object.entries(problems)) {
    it(what, () => {
      assert.match(problemOf(build), says);
    });
  }

  it("a function that returns another signal than declared, or none", () => {
    const returning = (value: unknown): AnySignal =>
      whenLoaded({ name: "wrong", summary: "a signal" }, () => value as AnySignal);
    const other = tracepoint("task_rename", () => ({ name: "other", count: {} }));
    const problem = (value: unknown): string => problemOf(() => loadSignal(returning(value)));
    assert.match(problem(other), /whenLoaded: its function returned the signal "other": expected wrong$/);
    assert.match(problem(Promise.resolve(other)), /whenLoaded: its function returned no signal: expected wrong$/);
    const begun = mark("task_rename", (_, h) => ({ key: h.tid }));
    const timed = tracepoint("task_rename", (_, h) => ({
      name: "wrong",
      histogram: { of: h.since(begun, h.tid).elapsed },
    }));
    assert.match(problem(timed), /whenLoaded: its function returned a signal with marks: expected one without$/);
  });
});

describe("what is odd, but right,", () => {
  it("is counted: a number by which the loader finds calls of the kernel's cast", async (t) => {
    const number = 0x72646f63;
    const program = compileProgram("rt-bpf-magic", "int main(void) { return 0; }");
    const magic = attach(
      t,
      tracepoint("sched_process_exec", (e, h) => ({
        name: "magic",
        where: h.comm.eq("rt-bpf-magic"),
        owner: "none",
        count: { by: { some: when(at<Num>(e, "p", "pid").ne(number), number, 0) }, sum: { all: number } },
      })),
    );
    await runProgram(program);
    assert.deepEqual(await magic.series("magic_all_total"), [[{ some: `${number}` }, number]]);
  });

  it("is recorded: all arguments at once, where each is a number", async (t) => {
    const program = compileProgram(
      "rt-bpf-all",
      `#include <signal.h>
      int main(void)
      {
        signal(SIGUSR1, SIG_IGN);
        return raise(SIGUSR1);
      }`,
    );
    const all = attach(
      t,
      tracepoint("signal_generate", (e, h) => {
        const { info, task, ...numbers } = e as unknown as Record<string, Num>;
        return {
          name: "all",
          where: h.comm.eq("rt-bpf-all").and(isNull(info as Num).not()),
          record: { ...numbers, to: (task as unknown as { comm: Text }).comm },
        };
      }),
    );
    await runProgram(program);
    const wanted = { sig: 10, group: 0, result: 1, to: "rt-bpf-all" };
    assert.deepEqual(
      all.records().filter(({ sig }) => sig === 10),
      [wanted],
    );
  });

  it("is counted: a condition that never holds, a text that is empty, labels without end", async (t) => {
    const program = compileProgram(
      "rt-bpf-odd",
      `#include <stdio.h>
      #include <sys/prctl.h>
      int main(void)
      {
        char name[16];
        for (int i = 0; i < 500; i++) {
          snprintf(name, sizeof(name), "rt-odd-%d", i);
          prctl(PR_SET_NAME, name);
        }
        return 0;
      }`,
    );
    const never = attach(
      t,
      tracepoint("task_rename", (e) => ({
        name: "never",
        where: at<Text>(e, "comm").eq("longer than any name of a task"),
        count: {},
      })),
    );
    const odd = attach(
      t,
      tracepoint("task_rename", (e, h) => ({
        name: "odd",
        where: at<Num>(h.task, "real_parent", "tgid").eq(process.pid),
        owner: "none",
        count: {
          by: {
            name: text(at<Text>(e, "comm"), 16),
            // An r, of a text that is no more than an address.
            first: peek(at<Text>(e, "comm"), "u8"),
            none: when(h.tgid.eq(0), h.comm),
            some: when(h.tgid.ne(0), text(at<Text>(e, "comm"), 7)),
          },
        },
      })),
      { entries: 64 },
    );
    await runProgram(program);
    assert.deepEqual(await never.series("never_total"), []);
    const series = await odd.series("odd_total");
    const total = series.reduce((sum, [, count = 0]) => sum + count, 0);
    const overflow = series.filter(([{ name }]) => name === "~other").map(([, count]) => count);
    // The name that the program has from its start is one more.
    assert.deepEqual([series.length, total - 500 <= 1, overflow.length], [65, true, 1]);
    assert(
      series.every(
        ([{ name, first, none, some }]) =>
          name === "~other" || [first, none, some].join() === `114,,${name?.slice(0, 6)}`,
      ),
    );
  });
});
