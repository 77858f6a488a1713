/** Quantities in the cells of tables: a dot stands for nothing, so that what there is stands out. */
import type { Column } from "../src/views/protocol.js";
import { quantityText } from "../src/views/shared/columns.js";
import { bytesText, countText, durationText, shareText } from "../src/views/shared/quantities.js";

function orDot(text: (value: number) => string): (value: number) => string {
  return (value) => (value === 0 ? "·" : text(value));
}

/** Writes a number of a column; a dot for none. */
export function quantity(column: Pick<Column, "unit">): (value: number) => string {
  return orDot(quantityText(column));
}

/** Writes a rate of a column: seconds per second as a share. */
export function rate({ unit, isLevel }: Pick<Column, "unit" | "isLevel">): (value: number) => string {
  return unit === "seconds" && isLevel !== true ? share : quantity({ unit });
}

export const count = orDot(countText);
export const bytes = orDot(bytesText);
export const seconds = orDot(durationText);
export const share = orDot(shareText);

/** An address, or a name in its place, and a port: `192.0.2.1:80`, `[2001:db8::1]:80`. */
export function endpoint(address: string, port: number): string {
  return `${address.includes(":") ? `[${address}]` : address}:${port}`;
}

/** All digits, in groups of three: for totals that are to be compared. */
export function exact(value: number): string {
  return Number.isInteger(value) ? value.toLocaleString("en-US").replaceAll(",", "\u202f") : value.toFixed(3);
}
