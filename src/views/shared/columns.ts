/** Columns that signals declare, as `top` and the page show them. */
import type { Column } from "../../sdk/views.js";
import { bytesText, countText, durationText } from "./quantities.js";

/** The columns that are shown: those with a heading. */
export function shownColumns(columns: readonly Column[]): Column[] {
  return columns.filter(({ heading }) => heading !== undefined);
}

/** The keys of those columns that are shown as they are, not per second. */
export function levelsOf(columns: readonly Column[]): string[] {
  return columns.filter(({ isLevel }) => isLevel === true).map(({ key }) => key);
}

/** `CALLS/S`; without a unit for a level. */
export function rateHeading({ heading = "", isLevel }: Pick<Column, "heading" | "isLevel">): string {
  return isLevel === true ? heading : `${heading}/S`;
}

const texts: Readonly<Record<Column["unit"], (value: number) => string>> = {
  count: countText,
  bytes: bytesText,
  seconds: durationText,
};

/** Writes a total, a rate or a level of a column in few digits. */
export function quantityText({ unit }: Pick<Column, "unit">): (value: number) => string {
  return texts[unit];
}
