/** The words of `ringtap count` and `ringtap hist`: fields by their paths, and simple comparisons. */
import { refuse } from "../../sdk/flag-values.js";

/** A field as it is written: `comm`, `rq.__data_len`, `args.comm`, `regs.regs[0]`; `name=` in front says what it is shown as. */
export interface FieldText {
  readonly text: string;
  readonly label: string;
  readonly path: readonly string[];
}

const pathPattern = /^[A-Za-z_]\w*(\.[A-Za-z_]\w*|\[\d+\])*$/;

function pathOf(text: string): string[] | undefined {
  return pathPattern.test(text) ? (text.match(/\w+/g) ?? undefined) : undefined;
}

/** A label for a field: the last name of its path, and the index behind that. */
function labelOf(path: readonly string[]): string {
  const from = path.findLastIndex((part) => !/^\d+$/.test(part));
  return path.slice(from).join("_").replace(/^_+/, "");
}

/** Reads a field. */
export function fieldText(text: string): FieldText {
  const [, label, rest = text] = /^([A-Za-z]\w*)=(.*)$/s.exec(text) ?? [];
  const path = pathOf(rest);
  return path === undefined
    ? refuse(text, "expected a field, such as comm or rq.__data_len, perhaps with a name: size=rq.__data_len")
    : { text, label: label ?? labelOf(path), path };
}

const operators = ["!=", ">=", "<=", "==", "=", ">", "<", "&"] as const;

/** A comparison as it is written: `pid=1`, `rq.__data_len>=4096`, `flags&0x40`. */
export interface ComparisonText {
  readonly text: string;
  readonly path: readonly string[];
  readonly operator: (typeof operators)[number];
  readonly value: string;
}

/** Reads a comparison. */
export function comparisonText(text: string): ComparisonText {
  const [, field = "", operator = "", rest = ""] =
    new RegExp(`^([\\w.[\\]]+)\\s*(${operators.join("|")})\\s*(.+)$`, "s").exec(text) ?? [];
  const path = pathOf(field);
  const value = /^"(.*)"$/s.exec(rest)?.[1] ?? rest;
  return path === undefined || value.includes('"')
    ? refuse(text, `expected a field, one of ${operators.join(" ")} and a value, such as comm=nginx`)
    : { text, path, operator: operator as ComparisonText["operator"], value };
}

/** What the command line says of one signal. */
export interface OneLiner {
  readonly by: readonly FieldText[];
  readonly where: readonly ComparisonText[];
  /** Numbers that are added up. */
  readonly sum: readonly FieldText[];
  /** The number of a histogram, and its unit; absent for a counter. */
  readonly of?: { readonly field: FieldText; readonly unit: "seconds" | "bytes" | "number" } | undefined;
}
