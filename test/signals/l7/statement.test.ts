/** Statements without their literals. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { L7Event, L7Path, L7Protocol } from "../../../src/signals/l7/records.js";
import { type Statement, statementOf, withoutLiterals } from "../../../src/signals/l7/statement.js";

type Dialect = Statement["protocol"];

function shown(protocol: Dialect, text: string, isCut = false): string {
  return withoutLiterals({ protocol, text: Buffer.from(text).toString("latin1"), isCut });
}

/** What both protocols show alike. */
const common: readonly (readonly [string, string])[] = [
  ["SELECT 1", "SELECT ?"],
  ["SELECT a1, b_2 FROM t3 WHERE x=-1.5e-3 AND y>.5", "SELECT a1, b_2 FROM t3 WHERE x=-? AND y>?"],
  ["SELECT 0xDEADbeef, 0b0110, X'4d', b'01', 1_000", "SELECT ?, ?, ?, ?, ?"],
  ["SELECT 'it''s', '', N'x', ''''", "SELECT ?, ?, ?, ?"],
  ["SELECT 'C:\\dir\\\\' , 'x'", "SELECT ? , ?"],
  [
    "INSERT INTO t (a, b)\n\tVALUES (1, 'x'), ( -2,'y' ), (now(), 3)",
    "INSERT INTO t (a, b) VALUES (?), (?), (now(), ?)",
  ],
  ["SELECT * FROM t WHERE a IN (1,2,  3 ,'4') LIMIT 5", "SELECT * FROM t WHERE a IN (?) LIMIT ?"],
  ["/* 'secret' */ SELECT -- 'secret'\n a/*x*/FROM t --", "SELECT a FROM t"],
  ["SELECT /* 'a\n' */ 'b\nc' /**/, d", "SELECT ? , d"],
  ["SELECT DATE '2026-01-01', NULL, TRUE", "SELECT DATE ?, NULL, TRUE"],
  ["SELECT 'open", "SELECT ?…"],
  ["SELECT 'open''", "SELECT ?…"],
  ["SELECT a /* open 'secret", "SELECT a…"],
  // Which of these is a string depends on a setting.
  ["SELECT 'C:\\', secret, 'x'", "SELECT ?…"],
  ["SELECT 'a\\\\\\', secret, 'x'", "SELECT ?…"],
  ["SELECT größe FROM tür", "SELECT größe FROM tür"],
  ["SELECT Café à", "SELECT Café à"],
  ["", ""],
];

const own: Readonly<Record<Dialect, readonly (readonly [string, string])[]>> = {
  postgresql: [
    ["SELECT E'it\\'s secret', e'\\\\', 'x'", "SELECT ?, ?, ?"],
    ["SELECT E'open\\'", "SELECT ?…"],
    ["SELECT $$it's$$, $a$x $$ y$a$, $1, $2::int", "SELECT ?, ?, $1, $2::int"],
    ["SELECT $a$open $b$ x", "SELECT ?…"],
    ["SELECT $a$it's\n$a$, E'a\\\nb', c", "SELECT ?, ?, c"],
    ["SELECT $1$a$secret$a$", "SELECT $1?"],
    ['SELECT a$1, "it\'s 1", "a""b" FROM "T"', 'SELECT a$1, "it\'s 1", "a""b" FROM "T"'],
    ["SELECT a # 1, b ? 'k', 5--1\n", "SELECT a # ?, b ? ?, ?"],
    ["SELECT /* a /* b */ 'c' */ 1", "SELECT…"],
    ["ALTER ROLE r PASSWORD 'secret'", "ALTER ROLE r PASSWORD ?"],
    ["SELECT U&'d\\0061t' UESCAPE '!', typename'x'", "SELECT U&? UESCAPE ?, typename?"],
  ],
  mysql: [
    ['SELECT "it\'s", "a""b", `it\'s 1`, `a``b` # "x"', "SELECT ?, ?, `it's 1`, `a``b`"],
    ["SELECT 'it\\'s', secret", "SELECT ?…"],
    ['SELECT "it\\"s", secret', "SELECT ?…"],
    ["SELECT 5--1, _utf8'x', @a, @'b'", "SELECT ?--?, _utf8?, @a, @?"],
    ["/*!40101 SET NAMES 'secret' */", "…"],
    ["SELECT /*M!100100 'secret' */ 1", "SELECT…"],
    ["CREATE USER 'u'@'h' IDENTIFIED BY 'secret'", "CREATE USER ?@? IDENTIFIED BY ?"],
    ["SELECT $a$, a FROM 1t", "SELECT $a$, a FROM ?"],
  ],
};

/** Numbers below a limit, the same each time. */
function random(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

/**
 * Literals are of Z, Q and 7 with what is special, and no other part of a statement has these. `escapes`: as the server is set, a
 * backslash is special in a string.
 */
function statementOfParts(dialect: Dialect, escapes: boolean, next: (limit: number) => number): string {
  const pick = <T>(of: readonly T[]): T => of[next(of.length)] as T;
  const content = (special: readonly string[]): string =>
    Array.from({ length: next(7) }, () => pick(["Z", "Q", "7", " ", "Z7", ...special])).join("");
  const comments = ["--", "/*", "*/", "#", "/*!", "$$", "$a$", "`", "(", ","];
  const string = (quote: string): string => {
    const other = quote === "'" ? '"' : "'";
    const escaped = ["\\\\", `\\${quote}`, `\\${other}`, "\\n"];
    return `${quote}${content([other, quote + quote, ...comments, ...(escapes ? escaped : ["\\", "\\\\"])])}${quote}`;
  };
  const number = (): string => pick(["7", "0x7", "7.7", ".7", "7e-7", "777", "0b7"]);
  const both = [() => string("'"), () => `x${string("'")}`, number];
  const literals =
    dialect === "mysql"
      ? [...both, () => string('"')]
      : [
          ...both,
          () => `E'${content(["\\\\", "\\'", "''", '"', ...comments])}'`,
          () => `$$${content(["'", '"', "\\", "--", "/*", "$a$ "])}$$`,
          () => `$a$${content(["'", '"', "\\", "--", "/*", "$$"])}$a$`,
        ];
  const name = dialect === "mysql" ? "`a'\"``b`" : '"a\'""b"';
  const names = ["SELECT", "ab", name, "/* it's \" */", "-- it's \"\n", "t1"];
  return Array.from(
    { length: 1 + next(8) },
    () => `${next(2) === 0 ? pick(names) : pick(literals)()}${pick([" ", ",", " , ", "=", "(", ") "])}`,
  ).join("");
}

describe("statements", () => {
  for (const dialect of ["postgresql", "mysql"] as const) {
    it(`of ${dialect} are shown without their literals`, () => {
      for (const [text, expected] of [...common, ...own[dialect]]) {
        assert.equal(shown(dialect, text), expected, text);
      }
    });

    it(`of ${dialect} show no character of a literal, wherever they are cut and however the server is set`, () => {
      const next = random(1);
      let kept = 0;
      for (let run = 0; run < 4_000; run++) {
        const text = statementOfParts(dialect, run % 2 === 0, next);
        for (let length = 0; length <= text.length; length++) {
          const result = shown(dialect, text.slice(0, length), length < text.length);
          assert.doesNotMatch(result, /[ZQ7]/, text.slice(0, length));
          assert(result.endsWith("…") || length === text.length);
          kept += result.includes("ab") ? 1 : 0;
        }
      }
      assert(kept > 1_000);
    });

    it(`of ${dialect} may be any bytes`, () => {
      const next = random(2);
      for (let run = 0; run < 20_000; run++) {
        const bytes = Buffer.from(
          Array.from({ length: next(80) }, () => (next(2) === 0 ? next(256) : 0x20 + next(0x20))),
        );
        const result = withoutLiterals({ protocol: dialect, text: bytes.toString("latin1"), isCut: next(2) === 0 });
        assert(!/\d/.test(result.replace(/[$\w`"@\u0080-\uffff][^ ]*/g, "")), result);
      }
    });
  }

  it("that are cut end in …, without what may be the beginning of a literal", () => {
    assert.equal(shown("mysql", "SELECT 12", true), "SELECT ?…");
    assert.equal(shown("mysql", "SELECT 'x'", true), "SELECT ?…");
    assert.equal(shown("postgresql", "SELECT $ta", true), "SELECT ?…");
    assert.equal(shown("postgresql", "INSERT INTO t VALUES (1, 2", true), "INSERT INTO t VALUES (?, ?…");
    assert.equal(withoutLiterals({ protocol: "mysql", text: "SELECT t\xc3", isCut: true }), "SELECT t…");
  });

  it("of encodings in which a quote may be part of a character are shown up to that", () => {
    assert.equal(withoutLiterals({ protocol: "mysql", text: "SELECT 1, a\xd0` , 'x`'", isCut: false }), "SELECT ?, a…");
    assert.equal(withoutLiterals({ protocol: "mysql", text: "SELECT 'a\xd0', b", isCut: true }), "SELECT ?…");
  });

  it("are those of records that have one", () => {
    const record = (text: string, more: object = {}) => {
      const bytes = Buffer.alloc(80);
      bytes.write(text, "latin1");
      const path = (index: number): number => bytes.readUInt32LE(4 * index);
      return { protocol: L7Protocol.postgresql, pathKind: L7Path.whole, length: L7Event.size, path, ...more };
    };
    assert.equal(statementOf(record("SELECT 1\0\0\x01secret")), "SELECT ?");
    assert.equal(
      statementOf(record(`SELECT ${"a".repeat(80)}`, { pathKind: L7Path.cut })),
      `SELECT ${"a".repeat(73)}…`,
    );
    const mysql = (text: string): string | undefined => statementOf(record(text, { protocol: L7Protocol.mysql }));
    assert.equal(mysql("SELECT 1"), "SELECT ?");
    assert.equal(mysql("SELECT 'a\0b', c"), "SELECT ?, c");
    // With query attributes: none, or some.
    assert.equal(mysql("\0\x01SELECT 1"), "SELECT ?");
    for (const some of ["\x01\x01\0\x01\xfe\0\x01n\x06secretSELECT 1", "\t\x01secret", "\xfc\0\x01\x01secret"]) {
      assert.equal(mysql(some), undefined);
    }
    assert.equal(statementOf(record("/a", { protocol: L7Protocol.http })), undefined);
    assert.equal(statementOf(record("GET", { protocol: L7Protocol.redis })), undefined);
    assert.equal(statementOf(record("SELECT 1", { pathKind: L7Path.none })), undefined);
    assert.equal(statementOf(record("SELECT 1", { length: L7Event.size - 8 })), undefined);
  });
});
