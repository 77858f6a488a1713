/** Text that no hostile string can break out of, and the logfmt encoding. */

/**
 * C0 and C1 controls, DEL, line separators, the marks that reorder text and the one that nobody sees: what would start a new
 * line, drive a terminal or misrepresent the rest. Lone surrogates have no UTF-8.
 */
// eslint-disable-next-line no-control-regex -- controls are what it looks for
const hostile = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|\p{Surrogate}/gu;

const shortEscapes: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** `text` with its control characters written as `\n`, `\r`, `\t` or `\uXXXX`, which a JSON string may hold as well. */
export function escapeControls(text: string): string {
  return text.replace(
    hostile,
    (character) => shortEscapes[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** `text` in double quotes, with quotes, backslashes and control characters escaped. */
export function quote(text: string): string {
  return `"${escapeControls(text.replace(/["\\]/g, "\\$&"))}"`;
}

/** One logfmt line without its newline: `level=info msg="two words" series=3`. Keys keep the record's order. */
export function logfmtLine(record: Readonly<Record<string, unknown>>): string {
  return Object.entries(record)
    .map(([key, value]) => `${escapeControls(key).replace(/[\s="\\]/g, "_")}=${logfmtValue(value)}`)
    .join(" ");
}

function logfmtValue(value: unknown): string {
  const text = plainText(value);
  const quoted = quote(text);
  return text === "" || /[\s=]/.test(text) || quoted.length > text.length + 2 ? quoted : text;
}

/** Lists of plain values are joined with commas; other objects are JSON. */
function plainText(value: unknown): string {
  if (Array.isArray(value) && value.every((item) => typeof item !== "object")) {
    return value.join(",");
  }
  return typeof value === "string" ? value : JSON.stringify(value);
}
