/** Conversations in DNS of which each question is known. */
import type { Conversation } from "./conversations.js";

/** The numbers of types, as the signal names them. */
const types = {
  ...{ A: 1, NS: 2, CNAME: 5, SOA: 6, PTR: 12, MX: 15, TXT: 16, AAAA: 28, SRV: 33, NAPTR: 35, DS: 43, DNSKEY: 48 },
  ...{ TLSA: 52, SVCB: 64, HTTPS: 65, IXFR: 251, AXFR: 252, ANY: 255, URI: 256, CAA: 257 },
} as const;

type Type = keyof typeof types;

const codes = [
  ...["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH"],
  "NOTZONE",
] as const;

interface Message {
  readonly id: number;
  readonly name?: string;
  readonly type?: number | Type;
  readonly class?: number;
  readonly opcode?: number;
  /** Of an answer; absent in a question. */
  readonly code?: number;
  readonly isTruncated?: boolean;
  /** Records of an answer, of 4 bytes each. */
  readonly records?: number;
  /** EDNS's record, and the upper bits of the code in it. */
  readonly edns?: number;
  /** Bytes of its padding (RFC 7830). */
  readonly padding?: number;
  readonly hasNoQuestion?: boolean;
}

function encodedName(name: string): Buffer {
  const labels = name === "." ? [] : name.split(".");
  return Buffer.concat([
    ...labels.flatMap((label) => [Buffer.from([label.length]), Buffer.from(label, "latin1")]),
    Buffer.alloc(1),
  ]);
}

function shorts(...numbers: readonly number[]): Buffer {
  return Buffer.from(numbers.flatMap((number) => [number >> 8, number & 0xff]));
}

function message({ id, name = "www.example.test", type = "A", code, records = 0, ...more }: Message): Buffer {
  const { opcode = 0, isTruncated = false, edns, padding = 0, hasNoQuestion = false, class: ofClass = 1 } = more;
  const flags = (code === undefined ? 0x0100 : 0x8580 | code) | (opcode << 11) | (isTruncated ? 0x0200 : 0);
  const number = typeof type === "number" ? type : types[type];
  const record = Buffer.concat([shorts(0xc00c, number, ofClass, 0, 60, 4), Buffer.from([192, 0, 2, 1])]);
  return Buffer.concat([
    shorts(id, flags, hasNoQuestion ? 0 : 1, records, 0, edns === undefined ? 0 : 1),
    ...(hasNoQuestion ? [] : [encodedName(name), shorts(number, ofClass)]),
    ...Array.from({ length: records }, () => record),
    ...(edns === undefined ? [] : [Buffer.from([0]), shorts(41, 1232, edns << 8, 0x8000, padding && 4 + padding)]),
    ...(padding === 0 ? [] : [shorts(12, padding), Buffer.alloc(padding)]),
  ]);
}

/** A question, or its answer: the message has a code. */
const ask = (id: number, more: Omit<Message, "id" | "code"> = {}): Step => ["C", message({ id, ...more })];
const answer = (id: number, more: Omit<Message, "id"> = {}): Step => ["S", message({ id, code: 0, ...more })];

type Step = readonly ["C" | "S", Buffer] | readonly ["W", number];

/** Its type, its code or an empty text, and how it failed. */
export type Question = readonly [type: string, code: string, error?: string];

export interface DnsConversation {
  readonly name: string;
  readonly steps: readonly Step[];
  readonly questions: readonly Question[];
  /** Types of the questions that are not answered. */
  readonly unanswered?: readonly string[];
  /** Of the questions over UDP: those that repeat one that waits. */
  readonly repeated?: number;
  /** Answers to no question that waits. */
  readonly strays?: number;
  /** Datagrams that are no question. */
  readonly malformed?: number;
  /** Bytes of the server that are no answer, of which a client that is not connected does not know that they are the server's. */
  readonly unknownBytes?: number;
  /** What only datagrams can do. */
  readonly isOfDatagrams?: boolean;
}

/** A pseudo-random number below a limit, the same in each run. */
function randomNumbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

const random = randomNumbers(53);

/** The numbers below a count, in an order of their own. */
function shuffled(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => [random(1_000_000), index] as const)
    .toSorted(([left], [right]) => left - right)
    .map(([, index]) => index);
}

/** A question that has been answered with a code. */
const answered = (type: string, code = "NOERROR"): Question => [type, code, code === "NOERROR" ? "" : code];

const ok = answered("A");
const times = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index);

const label = "l".repeat(63);
const longest = [label, label, label, "l".repeat(61)].join(".");

const mixed = times(300).map((index) => {
  const type = Object.keys(types)[random(15)] as Type;
  const name = `${"n".repeat(1 + random(60))}.host-${random(20)}.example.test`;
  return { id: index * 7, name, type, code: random(codes.length) };
});

/** A question that is longer than those of which nothing is known. */
export const long = ask(2, { type: "MX", edns: 0, padding: 600 });
export const short = ask(3, { type: "AAAA" });
export const longAnswers = [answer(2, { type: "MX" }), answer(3, { type: "AAAA" })];

export const conversations: readonly DnsConversation[] = [
  {
    name: "a long question between others",
    steps: [ask(1), long, short, answer(1), ...longAnswers],
    questions: [ok, answered("MX"), answered("AAAA")],
  },
  { name: "a question and its answer", steps: [ask(1), answer(1, { records: 1 })], questions: [ok] },
  { name: "a name that is not there", steps: [ask(2), answer(2, { code: 3 })], questions: [answered("A", "NXDOMAIN")] },
  {
    name: "each type",
    steps: Object.keys(types).flatMap((type, id) => [
      ask(id, { type: type as Type }),
      answer(id, { type: type as Type }),
    ]),
    questions: Object.keys(types).map((type) => answered(type)),
  },
  {
    name: "types without a name",
    steps: [0, 11, 254, 1023, 1024, 32_768, 65_535].flatMap((type) => [ask(type, { type }), answer(type, { type })]),
    questions: times(7).map(() => answered("_OTHER")),
  },
  {
    name: "each code",
    steps: codes.flatMap((_, code) => [ask(100 + code), answer(100 + code, { code })]),
    questions: codes.map((code) => answered("A", code)),
  },
  { name: "a code without a name", steps: [ask(3), answer(3, { code: 12 })], questions: [answered("A", "_OTHER")] },
  {
    name: "both addresses at once",
    steps: [ask(4), ask(5, { type: "AAAA" }), answer(4, { records: 1 }), answer(5, { type: "AAAA" })],
    questions: [ok, answered("AAAA")],
  },
  {
    name: "both addresses, the second one first",
    steps: [ask(6), ask(7, { type: "AAAA" }), answer(7, { type: "AAAA", code: 2 }), answer(6)],
    questions: [answered("AAAA", "SERVFAIL"), ok],
  },
  {
    name: "forty that wait, answered in another order",
    steps: [
      ...times(40).map((id) => ask(id, { name: `host-${id}.test` })),
      ...shuffled(40).map((id) => answer(id, { name: `host-${id}.test`, code: id % 4 })),
    ],
    questions: times(40).map((id) => answered("A", codes[id % 4])),
  },
  {
    name: "the same question with other ids",
    steps: [...times(5).map((id) => ask(id)), ...times(5).map((id) => answer(4 - id, { code: id }))],
    questions: times(5).map((code) => answered("A", codes[code])),
  },
  {
    name: "other questions with the same id",
    steps: [
      ...[ask(8), ask(8, { type: "AAAA" }), ask(8, { type: "MX" }), ask(8, { name: "other.test" })],
      ...[
        answer(8, { type: "MX", code: 5 }),
        answer(8, { name: "other.test" }),
        answer(8),
        answer(8, { type: "AAAA" }),
      ],
    ],
    questions: [answered("MX", "REFUSED"), ok, ok, answered("AAAA")],
  },
  {
    name: "letters in another case",
    steps: [ask(9, { name: "wWw.ExAmPLe.TEST" }), answer(9, { name: "www.example.test" })],
    questions: [ok],
  },
  {
    name: "bytes that are no letters",
    steps: [ask(10, { name: "@`[{\u00c0\u00e0._tcp.1" }), answer(10, { name: "@`[{\u00c0\u00e0._TCP.1" })],
    questions: [ok],
  },
  {
    name: "the root",
    steps: [ask(11, { name: ".", type: "NS" }), answer(11, { name: ".", type: "NS" })],
    questions: [answered("NS")],
  },
  {
    name: "the longest name",
    steps: [ask(12, { name: longest }), answer(12, { name: longest, records: 3 })],
    questions: [ok],
  },
  {
    name: "another class",
    steps: [
      ask(13, { name: "version.bind", type: "TXT", class: 3 }),
      answer(13, { name: "version.bind", type: "TXT", class: 3 }),
    ],
    questions: [answered("TXT")],
  },
  { name: "EDNS", steps: [ask(14, { edns: 0 }), answer(14, { edns: 0, records: 2 })], questions: [ok] },
  {
    name: "codes of EDNS",
    steps: [
      ...[ask(15, { edns: 0 }), answer(15, { edns: 1 })],
      ...[ask(16, { edns: 0 }), answer(16, { edns: 1, code: 7 })],
      ...[ask(17, { edns: 0 }), answer(17, { edns: 0, code: 3 })],
    ],
    questions: [answered("A", "BADVERS"), answered("A", "BADCOOKIE"), answered("A", "NXDOMAIN")],
  },
  {
    name: "an answer that is cut",
    steps: [ask(18, { type: "TXT" }), answer(18, { type: "TXT", isTruncated: true })],
    questions: [["TXT", "NOERROR", "truncated"]],
  },
  {
    name: "an answer without its question",
    steps: [ask(19), answer(19, { hasNoQuestion: true, code: 1 })],
    questions: [answered("A", "FORMERR")],
  },
  {
    name: "a message without a question",
    steps: [ask(20, { hasNoQuestion: true, edns: 0 }), answer(20, { hasNoQuestion: true, edns: 0 })],
    questions: [answered("_OTHER")],
  },
  {
    name: "a header alone",
    steps: [ask(21, { hasNoQuestion: true }), answer(21, { hasNoQuestion: true, code: 1 })],
    questions: [answered("_OTHER", "FORMERR")],
  },
  {
    name: "a notification and an update",
    steps: [
      ...[ask(22, { type: "SOA", opcode: 4 }), answer(22, { type: "SOA", opcode: 4 })],
      ...[ask(23, { type: "SOA", opcode: 5 }), answer(23, { type: "SOA", opcode: 5, code: 9 })],
    ],
    questions: [answered("SOA"), answered("SOA", "NOTAUTH")],
  },
  { name: "a large answer", steps: [ask(24), answer(24, { records: 250 })], questions: [ok] },
  {
    name: "no answer",
    steps: [ask(25), ask(26, { type: "AAAA" }), answer(26, { type: "AAAA" })],
    questions: [answered("AAAA")],
    unanswered: ["A"],
  },
  {
    name: "no answer to any of twenty",
    steps: times(20).map((id) => ask(id)),
    questions: [],
    unanswered: times(20).map(() => "A"),
    isOfDatagrams: true,
  },
  { name: "an answer that comes twice", steps: [ask(27), answer(27), answer(27)], questions: [ok], strays: 1 },
  { name: "an answer with another id", steps: [ask(28), answer(29)], questions: [], unanswered: ["A"], strays: 1 },
  {
    name: "an answer to another question",
    steps: [ask(30), answer(30, { name: "other.test" }), answer(30, { type: "MX" })],
    questions: [],
    unanswered: ["A"],
    strays: 2,
  },
  { name: "an answer to nothing", steps: [ask(31), answer(31), answer(32)], questions: [ok], strays: 1 },
  {
    name: "a question that is repeated",
    steps: [ask(33), ask(33), answer(33, { records: 1 })],
    questions: [ok],
    unanswered: ["A"],
    repeated: 1,
  },
  {
    name: "a question that is repeated, and answered each time",
    steps: [ask(34), ask(34), ask(34), answer(34, { code: 2 }), answer(34), answer(34), answer(34)],
    questions: [answered("A", "SERVFAIL"), ok, ok],
    repeated: 2,
    strays: 1,
  },
  {
    name: "a question that is repeated after its answer",
    steps: [ask(35), answer(35), ask(35), answer(35, { code: 3 })],
    questions: [ok, answered("A", "NXDOMAIN")],
  },
  {
    name: "three hundred, mixed",
    steps: mixed.flatMap(({ id, name, type, code }) => [ask(id, { name, type }), answer(id, { name, type, code })]),
    questions: mixed.map(({ type, code }) => answered(type, codes[code])),
  },
  {
    name: "questions that are none",
    steps: [
      ["C", Buffer.alloc(0)],
      ["C", Buffer.from("too short")],
      ["C", Buffer.concat([shorts(36, 0x0100, 1, 0, 0, 0), Buffer.from([3]), Buffer.from("ww")])],
      ["C", Buffer.concat([shorts(37, 0x0100, 1, 0, 0, 0), shorts(0xc00c, 1, 1)])],
      ["C", shorts(38, 0x0100, 1, 0, 0, 0)],
      ["C", Buffer.concat([shorts(39, 0x0100, 1, 0, 0, 0), Buffer.from([0, 0, 1, 0])])],
      ...[ask(40), answer(40)],
    ],
    questions: [ok],
    malformed: 6,
    isOfDatagrams: true,
  },
  {
    name: "an answer that is none",
    steps: [ask(41), ["S", Buffer.from("too short")], answer(41)],
    questions: [ok],
    unknownBytes: 9,
    isOfDatagrams: true,
  },
  {
    name: "an answer that comes too late",
    steps: [ask(42), ["W", 2_500], answer(42)],
    questions: [],
    unanswered: ["A"],
    strays: 1,
    isOfDatagrams: true,
  },
  {
    name: "a question that is repeated too late",
    steps: [ask(43), ["W", 2_500], ask(43), answer(43)],
    questions: [ok],
    unanswered: ["A"],
    isOfDatagrams: true,
  },
];

/** All questions, those that are not answered with this error. */
export function questionsOf({ questions, unanswered = [] }: DnsConversation, error: string): readonly Question[] {
  return [...questions, ...unanswered.map((type) => [type, "", error] as const)];
}

/** The same over TCP: a message stands behind its length. */
export function overTcp(conversation: DnsConversation): Conversation<Question> {
  const steps = conversation.steps.flatMap(([who, message]) => {
    if (who === "W") {
      return [];
    }
    const length = Buffer.from([message.length >> 8, message.length & 0xff]);
    return [[who, Buffer.concat([length, message]).toString("latin1")] as const];
  });
  return { name: conversation.name, steps, requests: questionsOf(conversation, "closed") };
}
