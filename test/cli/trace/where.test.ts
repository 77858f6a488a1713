import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { type Fields, fieldTypes } from "../../../src/cli/trace/fields.js";
import { compileWhere, condition, processesOf, splitConditions } from "../../../src/cli/trace/where.js";
import { tcp } from "../../../src/signals/tcp/signal.js";

const types = fieldTypes(tcp);

const connect: Fields = {
  pid: 42,
  comm: "my prog",
  event: "connect",
  remote_address: "192.0.2.7",
  remote_port: 443,
  result: "refused",
  error: "ECONNREFUSED",
  duration_seconds: 0.012,
};
const close: Fields = { pid: 42, comm: "my prog", event: "close", remote_port: 443, sent_bytes: 1000 };

/** Does an event meet the conditions of this text? */
function meets(text: string, fields: Fields): boolean {
  return compileWhere(splitConditions(text).map(condition), types, { name: "tcp", aliases: tcp.trace.aliases })(fields);
}

describe("a condition", () => {
  for (const [text, expected] of [
    ["pid=42", true],
    ["pid=43", false],
    ["pid != 43", true],
    ["pid>41", true],
    ["pid>42", false],
    ["pid>=42", true],
    ["pid<42", false],
    ["pid<=42", true],
    ['comm="my prog"', true],
    ["comm=my", false],
    ["comm~^my", true],
    ["comm!~^my", false],
    ["remote_port~^44", true],
    ["dport=443", true],
    ["daddr=192.0.2.7", true],
    ["result!=established", true],
    ["duration>10ms", true],
    ["duration>12.5ms", false],
    ["duration_seconds>=0.012", true],
    ["duration<1", true],
    ["duration<12000us", false],
    ["sent_bytes>0", false],
    ['comm="my prog" dport=443 result!=established duration>10ms', true],
    ["dport=443 result=established", false],
    ["", true],
  ] as const) {
    test(`${text || "none"}: ${String(expected)}`, () => {
      const spaced = splitConditions(text.replaceAll(" != ", "!="));
      assert.equal(meets(spaced.join(" "), connect), expected);
    });
  }

  test("on a field that the event does not have is not met, whatever it says", () => {
    assert.equal(meets("sent_bytes=1000", close), true);
    assert.equal(meets("result=established", close), false);
    assert.equal(meets("result!=established", close), false);
    assert.equal(meets("result!~x", close), false);
  });

  test("may have blanks around its operator when it stands alone", () => {
    assert.equal(
      compileWhere([condition("pid >= 42")], types, { name: "tcp", aliases: tcp.trace.aliases })(close),
      true,
    );
  });
});

test("conditions are separated by blanks outside of quotes", () => {
  assert.deepEqual(splitConditions(' a=1  b="x y"\tc~z,1 '), ["a=1", 'b="x y"', "c~z,1"]);
});

describe("refused", () => {
  for (const [text, message] of [
    ["dprot=443", '--where "dprot=443": tcp has no field "dprot" (did you mean "dport"?)'],
    ["reslt!=ok", '--where "reslt!=ok": tcp has no field "reslt" (did you mean "result"?)'],
    [
      "result=refusd",
      /^--where "result=refusd": expected one of established, refused, .* \(did you mean "refused"\?\)$/,
    ],
    ["dport=https", '--where "dport=https": expected a number'],
    ["comm>nginx", '--where "comm>nginx": > compares numbers: use =, !=, ~ or !~'],
    ["duration>10q", /^--where "duration>10q": "10q": expected a number with a unit/],
    ["comm~(", /^--where "comm~\(": Invalid regular expression/],
    ["path=/etc", /^--where "path=\/etc": tcp has no field "path": it has pid, tid, .*, dport, /],
    ["constructor=1", /tcp has no field "constructor"/],
  ] as const) {
    test(text, () => {
      assert.throws(() => meets(text, connect), { name: "UsageError", message });
    });
  }

  test("what is no condition, before the signal is known", () => {
    const message = '"nginx": expected a field, one of != >= <= !~ = > < ~ and a value, such as comm=nginx';
    assert.throws(() => condition("nginx"), { name: "FlagError", message });
  });
});

describe("the processes that conditions ask for", () => {
  const none = { pids: [], comms: [] };
  for (const [text, expected] of [
    ['pid=42 comm="my prog" dport=443', { pids: [42], comms: ["my prog"] }],
    ["comm=nginx", { pids: [], comms: ["nginx"] }],
    // No event meets both: one of them is enough to leave out in the kernel.
    ["pid=42 pid=43", { pids: [42], comms: [] }],
    ["pid!=42 comm~nginx pid>1", none],
    ["pid=0 comm=a-name-of-sixteen", none],
    ["pid=4.5 comm=\ufffdx", none],
    ["tid=42 thread_comm=nginx", none],
  ] as const) {
    test(`${text} asks for ${JSON.stringify(expected)}`, () => {
      assert.deepEqual(processesOf(splitConditions(text).map(condition), tcp), expected);
    });
  }
});
