/** What `ringtap top` prints where nobody can press keys: a table or an object for each look. */
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

/** A table of rates. */
export function tableText(frame: TopFrame, choice: Choice): string {
  const { seconds, health } = frame;
  const first = `${durationText(seconds)}: ${countText(health.events)} events, ${countText(health.dropped)} lost`;
  return `${[first, headingText(), ...rowsOf(frame, choice).map((row) => rowText(row, seconds))].join("\n")}\n`;
}

/** One line of JSON: counts of the time between two looks, in base units, and how long that was. */
export function jsonText(frame: TopFrame, choice: Choice): string {
  const { time, seconds, health } = frame;
  const processes = rowsOf(frame, choice).map(({ pid, comm, container, counts }) => ({
    pid: /^\d+$/.test(pid) ? Number(pid) : undefined,
    comm,
    container: container === "" ? undefined : container,
    ...counts,
  }));
  const { events, dropped, down } = health;
  const object = { time: new Date(time).toISOString(), seconds, events, dropped, down, processes };
  return `${escapeControls(JSON.stringify(object))}\n`;
}
