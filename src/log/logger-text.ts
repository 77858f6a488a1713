/** The logfmt encoding. */
import { escapeControls } from "./error-text.js";

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
