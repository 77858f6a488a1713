/** The text of a statement of SQL without its literals, as `trace` shows it with --l7.statements. */
import { isUtf8 } from "node:buffer";

import { L7Path, L7Protocol } from "./records.js";
import { hasPath, longestPath, type PathRecord } from "./routes/path.js";

export interface Statement {
  readonly protocol: "postgresql" | "mysql";
  /** Its bytes, as latin1 has them. */
  readonly text: string;
  /** Is this only the beginning of it? */
  readonly isCut: boolean;
}

/** A part of a statement. */
interface Part {
  /** What it looks like, at a place in the text. */
  readonly pattern: RegExp;
  /** What is shown in its place. Default: the part itself. */
  readonly as?: string;
  /** Is nothing shown of what follows? */
  readonly isLast?: true;
}

function part(pattern: string, more: Omit<Part, "pattern"> = {}): Part {
  return { pattern: new RegExp(pattern, "sy"), ...more };
}

const literal = { as: "?" } as const;
const blank = { as: " " } as const;
/** A literal without an end, or one of which the end cannot be told. */
const openLiteral = { as: "?", isLast: true } as const;
const openComment = { as: " ", isLast: true } as const;

/**
 * A string, and the same without its end. Whether a backslash makes the quote behind it part of the string depends on a setting
 * (standard_conforming_strings, NO_BACKSLASH_ESCAPES) that the statement does not tell: such a string has no end that is known.
 */
function strings(quote: string, prefix = ""): Part[] {
  const content = `(?:[^${quote}\\\\]|${quote}${quote}|\\\\\\\\|\\\\(?![\\\\${quote}]|$))*`;
  return [part(`${prefix}${quote}${content}${quote}(?!${quote})`, literal), part(`${prefix}${quote}`, openLiteral)];
}

/** A name in quotes; without its end, where the text has been cut. */
function quotedName(quote: string): Part {
  return part(`${quote}(?:[^${quote}]|${quote}${quote})*(?:${quote}|$)`);
}

/** Of any base. Letters and the like that follow at once are taken for a part of it. */
function numbers(further: string): Part {
  return part(`\\.?[0-9](?:[eE][-+](?=[0-9])|[0-9a-zA-Z_.${further}])*`, literal);
}

const blanks = part("[ \\t\\n\\r\\f\\v]+", blank);
const tag = "[a-zA-Z_\\x80-\\xff][a-zA-Z_0-9\\x80-\\xff]*";

/** The first one that fits is what stands at a place; what fits none is a character by itself. */
const parts: Readonly<Record<Statement["protocol"], readonly Part[]>> = {
  postgresql: [
    blanks,
    part("--[^\\n\\r]*", blank),
    part("/\\*(?:(?!/\\*).)*?\\*/", blank),
    // Comments in comments are not followed.
    part("/\\*", openComment),
    part("[eE]'(?:[^'\\\\]|''|\\\\.)*'(?!')", literal),
    part("[eE]'", openLiteral),
    ...strings("'", "[bBxXnN]?"),
    // A parameter.
    part("\\$[0-9]+"),
    part(`\\$((?:${tag})?)\\$.*?\\$\\1\\$`, literal),
    part(`\\$(?:${tag})?(?:\\$|$)`, openLiteral),
    numbers(""),
    quotedName('"'),
    part("[a-zA-Z_\\x80-\\xff][a-zA-Z_0-9$\\x80-\\xff]*"),
  ],
  mysql: [
    blanks,
    part("(?:#|--(?=[\\x00- ]|$))[^\\n]*", blank),
    // Servers execute what is in these, or do not, by their version.
    part("/\\*M?!", openComment),
    part("/\\*.*?\\*/", blank),
    part("/\\*", openComment),
    ...strings("'", "[bBxXnN]?"),
    ...strings('"'),
    numbers("$\\x80-\\xff"),
    quotedName("`"),
    part("[a-zA-Z_$\\x80-\\xff][a-zA-Z_0-9$\\x80-\\xff]*"),
  ],
};

/** Literals in parentheses, however many. */
const lists = /\( ?[-+]?\?(?: ?, ?[-+]?\?)* ?\)/g;

/** What encodings have in common: all of UTF-8; of another one, in which a quote may be part of a character, what comes before that. */
function readable({ text, isCut }: Statement): string {
  const whole = isCut ? text.replace(/[\xc0-\xff][\x80-\xbf]{0,2}$/, "") : text;
  return isUtf8(Buffer.from(whole, "latin1")) ? text : text.replace(/[\x80-\xff].*/s, "");
}

/**
 * A statement with `?` in place of its literals: strings, numbers, hexadecimal and bit literals; with `(?)` in place of a list of them;
 * without comments, and with blanks as one. It ends in `…` where it is cut, or what follows cannot be told from a literal.
 */
export function withoutLiterals(statement: Statement): string {
  const { protocol } = statement;
  const text = readable(statement);
  let shown = "";
  let isOpen = statement.isCut || text !== statement.text;
  for (let at = 0; at < text.length;) {
    const found = parts[protocol].find(({ pattern }) => {
      pattern.lastIndex = at;
      return pattern.test(text);
    });
    const end = found?.pattern.lastIndex ?? at + 1;
    shown += found?.as ?? text.slice(at, end);
    at = end;
    if (found?.isLast) {
      isOpen = true;
      break;
    }
  }
  shown = shown.replace(/ +/g, " ").replace(/^ | $/g, "").replace(lists, "(?)");
  const decoded = Buffer.from(shown, "latin1").toString("utf8");
  return isOpen ? `${decoded.replace(/\ufffd+$/, "")}…` : decoded;
}

/** The bytes that a record has of a statement, as latin1 has them: zeros follow its end. */
function textOf(record: PathRecord): string {
  const bytes = Buffer.alloc(longestPath);
  for (let index = 0; index < longestPath / 4; index++) {
    bytes.writeUInt32LE(record.path(index), 4 * index);
  }
  return bytes.toString("latin1");
}

/**
 * What a packet has of MySQL's statement. Before it there may be query attributes (CLIENT_QUERY_ATTRIBUTES): how many, the number 1, and
 * their values. Where there are any, it is undefined.
 */
function mysqlText(bytes: string): string | undefined {
  const text = bytes.startsWith("\0\x01") ? bytes.slice(2) : bytes;
  // From 251 on, their number has several bytes.
  return text.charAt(1) === "\x01" || text.charAt(0) >= "\xfb" ? undefined : text.replace(/\0+$/, "");
}

/** The statement of a request, without its literals; undefined when it has none. */
export function statementOf(record: PathRecord & { readonly protocol: number }): string | undefined {
  const isMysql = record.protocol === L7Protocol.mysql;
  if ((!isMysql && record.protocol !== L7Protocol.postgresql) || !hasPath(record)) {
    return undefined;
  }
  const bytes = textOf(record);
  const text = isMysql ? mysqlText(bytes) : bytes.replace(/\0.*/s, "");
  const isCut = record.pathKind === L7Path.cut;
  return text && withoutLiterals({ protocol: isMysql ? "mysql" : "postgresql", text, isCut });
}
