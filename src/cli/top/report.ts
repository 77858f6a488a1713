/** What `ringtap top` prints where there is no keyboard: a table or an object for each interval. */
import { escapeControls } from "../../log/error-text.js";
import { countText, durationText } from "../../views/shared/quantities.js";
import type { TopFrame } from "./model.js";
import type { TopOptions } from "./options.js";
import type { TopRow } from "./columns.js";
import { chooseRows, headingText, rowText } from "./view.js";

type Choice = Pick<TopOptions, "sort" | "filter" | "limit">;

function rowsOf(frame: TopFrame, { sort, filter = "", limit }: Choice): TopRow[] {
  return chooseRows(frame, { sort, filter, limit, reversed: false });
}

/** What is wrong with signals, for the end of a line; empty when nothing is. */
function problemsText({ down, incomplete }: TopFrame["health"]): string {
  return [
    ...(down.length > 0 ? [`, DOWN: ${down.join(", ")}`] : []),
    ...(incomplete.length > 0 ? [`, INCOMPLETE: ${incomplete.join(", ")}`] : []),
  ].join("");
}

/** A table of rates. */
export function tableText(frame: TopFrame, choice: Choice): string {
  const { columns, seconds, health } = frame;
  const lost = `${countText(health.events)} events, ${countText(health.dropped)} lost`;
  const headlines = frame.headlines.map(({ text }) => `, ${text}`).join("");
  const first = `${durationText(seconds)}: ${lost}${headlines}${problemsText(health)}`;
  const rows = rowsOf(frame, choice).map((row) => rowText(row, columns, seconds));
  return `${[first, headingText(columns), ...rows].join("\n")}\n`;
}

/** One line of JSON: counts of an interval, in base units, and how long it was. */
export function jsonText(frame: TopFrame, choice: Choice): string {
  const { time, seconds, headlines, health } = frame;
  const processes = rowsOf(frame, choice).map(({ pid, comm, container, counts }) => ({
    pid: /^\d+$/.test(pid) ? Number(pid) : undefined,
    comm,
    container: container === "" ? undefined : container,
    ...counts,
  }));
  const { events, dropped, down, incomplete, cpu } = health;
  const programs = Object.fromEntries(health.programs);
  const all = Object.fromEntries(headlines.map(({ key, count }) => [key, count]));
  const own = { events, dropped, down, incomplete, cpu, programs };
  const object = { time: new Date(time).toISOString(), seconds, ...own, all, processes };
  return `${escapeControls(JSON.stringify(object))}\n`;
}
