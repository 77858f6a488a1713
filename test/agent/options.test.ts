/** Options of the library that cannot be are refused before anything is loaded. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { type Agent, openAgent } from "ringtap";
import { checkCount, checkFilter } from "../../src/agent/check-arguments.js";
import { chooseFlags, chooseSignals } from "../../src/agent/choose-signals.js";
import { type AnySignal, defineSignal, oneOf, single, wholeNumber } from "../../src/sdk/index.js";
import { signals as builtIn } from "../../src/signals/index.js";
import type { TailFilter } from "../../src/views/tail.js";

const flags = {
  sort: single("sort", "<sort>", "x", "green", oneOf(["green", "black"] as const)),
  cups: single("cups", "<n>", "x", "2", wholeNumber(1, 9)),
};

const tea = defineSignal({
  api: 1,
  name: "tea",
  summary: "x",
  object: new Uint8Array(),
  flags,
  validate: ({ sort, cups }) =>
    sort === "black" && cups > 3 ? { flag: "cups", problem: "too many of black tea" } : undefined,
  start: () => ({}),
}) as AnySignal;

const refused = (options: object, message: RegExp): void => {
  assert.throws((): Agent => openAgent(options), message);
};

test("unknown words are refused, with what there is", () => {
  const names = builtIn.map(({ name }) => name).join(", ");
  refused(
    { signals: ["tpc"] },
    new RegExp(`^RangeError: unknown signal "tpc": want ${names} \\(did you mean "tcp"\\?\\)$`),
  );
  refused(
    { sinals: [] },
    /^RangeError: unknown option "sinals": want signals, flags, .* \(did you mean "signals"\?\)$/,
  );
  refused({ labels: ["pod", "bod"] }, /unknown label "bod": want pid, comm/);
  refused({ flags: { tpc: {} } }, /unknown signal in flags "tpc"/);
  refused({ flags: { syscall: { mod: "stream" } } }, /unknown flag of signal syscall "mod": want mode, .*"mode"/);
  refused({ flags: { l7: { statements: true } } }, /unknown flag of signal l7 "statements": want /);
});

test("values of flags are those that the flags can have", () => {
  refused(
    { flags: { syscall: { mode: "strem" } } },
    /^RangeError: flag syscall.mode: "strem": expected one of aggregate, stream/,
  );
  for (const connectionsLimit of [0, -1, 1.5, NaN, 1e9, "9k"]) {
    refused(
      { flags: { tcp: { connectionsLimit } } },
      new RegExp(`^RangeError: flag tcp.connectionsLimit: "${connectionsLimit}": expected a whole number from 1 to `),
    );
  }
  refused(
    { flags: { l7: { dnsTimeout: -5 } } },
    /^RangeError: flag l7.dnsTimeout: "-5ns": expected a number with a unit \(ns, .*\), at most 60m$/,
  );
  refused({ flags: { l7: { ports: ["80", "0"] } } }, /^RangeError: flag l7.ports: "0": expected a port, or a range/);
  refused({ flags: { l7: { tls: "true" } } }, /^TypeError: flag l7.tls: "true": want a value of type boolean$/);
  refused(
    { flags: { tcp: { countsLimit: [9] } } },
    /^TypeError: flag tcp.countsLimit: \[9\]: want a text or a number$/,
  );
  refused(
    { flags: { syscall: { names: "read" } } },
    /^TypeError: flag syscall.names: "read": want an array of texts or numbers$/,
  );
  refused(
    { signals: [tea], flags: { tea: { sort: "black", cups: 4 } } },
    /^RangeError: flag tea.cups: too many of black tea$/,
  );
  assert.deepEqual(chooseFlags([tea], { tea: { cups: 4 } }), { tea: { sort: "green", cups: 4 } });
});

test("a flag is given as a value, or as its text", () => {
  const { syscall, l7 } = chooseFlags(builtIn, {
    syscall: { minDuration: 5_000_000, pids: [1, "2"], errorsOnly: true, mode: "stream", timing: undefined },
    l7: { dnsTimeout: "5s", routesLimit: "7" },
  });
  assert.deepEqual(
    [syscall?.minDuration, syscall?.pids, syscall?.errorsOnly, syscall?.timing],
    [5_000_000, [1, 2], true, "sampled"],
  );
  assert.deepEqual([l7?.dnsTimeout, l7?.routesLimit], [5e9, 7]);
  assert.deepEqual(chooseFlags(builtIn, { l7: { ports: ["80-89"] } }).l7?.ports, [{ first: 80, last: 89 }]);
});

test("options of the wrong type are refused by their name", () => {
  for (const options of [null, 5, "tcp", []]) {
    refused(
      options as object,
      /^TypeError: the options of an agent: want a value of type object, not (null|number|string|array)$/,
    );
  }
  refused({ signals: "tcp" }, /^TypeError: option signals: want a value of type array, not string$/);
  refused({ labels: "comm" }, /^TypeError: option labels: want a value of type array, not string$/);
  refused({ flags: null }, /^TypeError: option flags: want a value of type object, not null$/);
  refused({ strict: "yes" }, /^TypeError: option strict: want a value of type boolean, not string$/);
  refused({ seriesLimit: 1.5 }, /^RangeError: seriesLimit 1.5: want a whole number of at least 1$/);
  refused({ identityLimit: 0 }, /^RangeError: identityLimit 0: want a whole number of at least 1$/);
});

test("what is asked of an agent is checked too", () => {
  const filters: readonly (readonly [unknown, RegExp])[] = [
    [null, /^TypeError: filter: want a value of type object, not null$/],
    [{ signal: "tcp" }, /^RangeError: unknown filter "signal": want signals, except, pid, comm, failures/],
    [{ signals: "tcp" }, /^TypeError: filter signals: want a value of type array, not string$/],
    [
      { signals: ["tpc"] },
      /^RangeError: unknown signal in the filter "tpc": want tcp, process \(did you mean "tcp"\?\)$/,
    ],
    [{ pid: "7" }, /^TypeError: filter pid: want a value of type number, not string$/],
  ];
  for (const [filter, message] of filters) {
    assert.throws(() => {
      checkFilter(filter as TailFilter, ["tcp", "process"]);
    }, message);
  }
  checkFilter({ signals: ["tcp"], except: [], comm: "x", failures: true, pid: undefined as never }, ["tcp", "process"]);
  for (const limit of [0, -1, 1.5, NaN, "9"]) {
    assert.throws(
      () => {
        checkCount("limit", limit as number);
      },
      new RegExp(`^RangeError: limit ${limit}: want a whole number of at least 1$`),
    );
  }
});

test("the size of rings is a power of two of at least a page", () => {
  for (const ringSize of [0, 1, 2048, 4097, 5000, 2 ** 31, NaN, -4096, 4096.5]) {
    refused(
      { ringSize },
      new RegExp(`^RangeError: ringSize ${ringSize}: want a power of two from 4096 to 1073741824, in bytes$`),
    );
  }
});

test("signals are chosen by name, and given themselves", () => {
  assert.deepEqual(chooseSignals(builtIn, undefined), {
    signals: builtIn,
    wanted: ["cgroup", "process", "tcp", "syscall", "file"],
  });
  assert.deepEqual(chooseSignals(builtIn, ["tcp", tea]), { signals: [...builtIn, tea], wanted: ["tcp", "tea"] });
  refused({ signals: [{ ...tea, name: "tcp" }] }, /^RangeError: signal tcp: there is another one of this name$/);
  refused({ signals: [tea, { ...tea }] }, /^RangeError: signal tea: there is another one of this name$/);
  refused({ signals: [{ ...tea, api: 2 }] }, /^RangeError: signal tea: its api is 2: want 1$/);
  refused({ signals: [7] }, /^TypeError: signals: want names and signals, not 7$/);
  refused({ signals: [null] }, /^TypeError: signals: want names and signals, not null$/);
});
