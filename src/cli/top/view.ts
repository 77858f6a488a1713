/** The lines of `ringtap top`: a frame and what has been chosen, as text that fits the terminal. */
import { escapeControls } from "../../log/error-text.js";
import type { BreakdownRow, BreakdownTable, Link } from "../../views/protocol.js";
import { bytesText, countText, durationText, shareText } from "../../views/shared/quantities.js";
import { sum } from "../../views/shared/sums.js";
import type { Paint } from "../terminal/color.js";
import { cut, pad } from "../terminal/text.js";
import { cellText, matches, type NumberColumn, sortRows, type TopRow } from "./columns.js";
import type { TopFrame } from "./model.js";
import { keyTexts, type TopState } from "./state.js";

/** What is known of one process, since ringtap began. */
export interface TopDetails {
  readonly process: TopRow;
  readonly breakdowns: readonly BreakdownTable[];
  readonly links: readonly Link[];
}

/** Everything that is drawn. */
export interface TopScene {
  readonly state: TopState;
  /** Absent until there are two snapshots. */
  readonly frame: TopFrame | undefined;
  /** The processes that are shown, in their order. */
  readonly chosen: readonly TopRow[];
  /** The process that is shown in detail; absent when none is. */
  readonly details: TopDetails | undefined;
  readonly columns: number;
  readonly rows: number;
  readonly paint: Paint;
}

const pidWidth = 7;
const commWidth = 16;
const containerWidth = 14;

/** A table's cells: one blank between columns, numbers to the right. */
function cells(texts: readonly (readonly [text: string, width: number, side?: "start" | "end"])[]): string {
  return texts.map(([text, width, side = "end"]) => pad(cut(text, width), width, side)).join(" ");
}

/** The heading of the processes. */
export function headingText(columns: readonly NumberColumn[]): string {
  return cells([
    ["PID", pidWidth, "start"],
    ["COMM", commWidth],
    ...columns.map(({ heading, width }) => [heading, width, "start"] as const),
    ["CONTAINER", containerWidth],
  ]).trimEnd();
}

/** The line of a process. */
export function rowText(
  { pid, comm, container, counts }: TopRow,
  columns: readonly NumberColumn[],
  seconds: number,
): string {
  return cells([
    [escapeControls(pid), pidWidth, "start"],
    [escapeControls(comm), commWidth],
    ...columns.map(({ key, width, text }) => [text(counts[key] ?? 0, seconds), width, "start"] as const),
    [escapeControls(container), containerWidth],
  ]).trimEnd();
}

/** Cells in front of the first number. */
const namesWidth = pidWidth + 1 + commWidth;

/** Paints the failures in the line of a process, which may have been cut, red. */
function paintFailures(line: string, { comm, counts }: TopRow, columns: readonly NumberColumn[], paint: Paint): string {
  // Behind the comm every character of the line is one cell wide up to the container.
  const name = pad(cut(escapeControls(comm), commWidth), commWidth);
  let at = namesWidth - commWidth + name.length;
  let painted = line.slice(0, at);
  for (const { key, width, isFailure } of columns) {
    const cell = line.slice(at, (at += width + 1));
    const number = cell.trimStart();
    const blanks = cell.slice(0, cell.length - number.length);
    painted += isFailure && number !== "" && (counts[key] ?? 0) > 0 ? blanks + paint("red", number) : cell;
  }
  return painted + line.slice(at);
}

/** How rows are chosen. */
export interface TopChoice {
  readonly sort: string;
  readonly reversed: boolean;
  /** Empty for all. */
  readonly filter: string;
  /** Rows; undefined for all. */
  readonly limit: number | undefined;
}

/** The rows of a frame that are wanted, in the order wanted. */
export function chooseRows(frame: TopFrame, { sort, reversed, filter, limit }: TopChoice): TopRow[] {
  const wanted = frame.rows.filter((row) => filter === "" || matches(row, filter));
  return sortRows(wanted, frame.columns, sort, reversed).slice(0, limit);
}

/** `programs 2.4% (syscall 2.1%, tcp 0.3%)`: the costliest first, as lines are cut; nothing until they have been timed. */
function programsText({ programs }: TopFrame["health"]): string[] {
  if (programs.size === 0) {
    return [];
  }
  const shares = [...programs].sort(([, one], [, other]) => other - one);
  const each = shares.map(([name, share]) => `${escapeControls(name)} ${shareText(share)}`);
  return [`programs ${shareText(sum([...programs.values()]))} (${each.join(", ")})`];
}

/** The first line: ringtap itself. */
function healthText({ state, frame }: TopScene): string {
  const pace = `every ${durationText(state.interval / 1000)}`;
  if (frame === undefined) {
    return `ringtap top  ${pace}  counting`;
  }
  const { time, seconds, health } = frame;
  const parts = [
    `ringtap top ${new Date(time).toTimeString().slice(0, 8)}`,
    pace,
    `${countText(health.events / seconds)} events/s`,
    `${countText(health.dropped / seconds)} lost/s`,
    `own cpu ${shareText(health.cpu)}`,
    `${Math.round(health.residentBytes / 2 ** 20)} MiB`,
    ...(health.down.length > 0 ? [`DOWN: ${health.down.join(", ")}`] : []),
    ...(health.incomplete.length > 0 ? [`INCOMPLETE: ${health.incomplete.join(", ")}`] : []),
    ...(state.isPaused ? ["PAUSED"] : []),
    ...programsText(health),
  ];
  return parts.join("  ");
}

function processLines({ state, chosen, columns, rows, paint }: TopScene, frame: TopFrame): string[] {
  const order = `${chosen.length} ${chosen.length === 1 ? "process" : "processes"}, by ${state.sort}${state.reversed ? ", reversed" : ""}`;
  const filter =
    state.isTyping || state.filter !== ""
      ? `  filter: ${escapeControls(state.filter)}${state.isTyping ? "_" : ""}`
      : "";
  const all = frame.headlines.map(({ text }) => text).join(", ");
  const room = Math.max(0, rows - 4);
  const place = Math.min(state.place, Math.max(0, chosen.length - 1));
  const first = Math.max(0, place - room + 1);
  return [
    cut(`${order}${filter}${all === "" ? "" : `  all: ${all}`}`, columns),
    paint("bold", cut(headingText(frame.columns), columns)),
    ...chosen.slice(first, first + room).map((row, index) => {
      const text = cut(rowText(row, frame.columns, frame.seconds), columns);
      return first + index === place ? paint("inverse", text) : paintFailures(text, row, frame.columns, paint);
    }),
  ];
}

function failuresText(failures: BreakdownRow["failures"] = {}): string {
  return Object.entries(failures)
    .sort(([, a], [, b]) => b - a)
    .map(([name, count]) => `${name} ${count}`)
    .join(", ");
}

/** A table: its heading, and its lines. */
interface Table {
  readonly heading: string;
  readonly lines: readonly string[];
}

/** Has any row this member? Rows without it have no column for it. */
function has(rows: readonly BreakdownRow[], member: "seconds" | "p99" | "failures"): boolean {
  return rows.some((row) => row[member] !== undefined);
}

/** A line of a breakdown with all columns that there may be. */
type Cells = [name: string, count: string, time: string, each: string, p50: string, p99: string, failures: string];

function breakdownTable({ title, rows }: BreakdownTable): Table {
  const hasSeconds = has(rows, "seconds");
  const hasQuantiles = has(rows, "p99");
  const hasFailures = has(rows, "failures");
  const line = (...[name, count, time, each, p50, p99, failures]: Cells): string =>
    cells([
      [name, 24],
      [count, 8, "start"],
      ...(hasSeconds ? [time, each] : []).map((text) => [text, 8, "start"] as const),
      ...(hasQuantiles ? [p50, p99] : []).map((text) => [text, 8, "start"] as const),
      ...(hasFailures ? ([[failures, 40]] as const) : []),
    ]).trimEnd();
  return {
    heading: line(title.toUpperCase(), "COUNT", "TIME", "EACH", "50 %", "99 %", "FAILURES"),
    lines: rows.map(({ name, count, seconds = 0, p50 = 0, p99 = 0, failures }) =>
      line(
        escapeControls(name),
        cellText(count, countText),
        cellText(seconds, durationText),
        cellText(count > 0 ? seconds / count : 0, durationText),
        cellText(p50, durationText),
        cellText(p99, durationText),
        escapeControls(failuresText(failures)),
      ),
    ),
  };
}

function linkTable(links: readonly Link[]): Table {
  const line = (
    requests: string,
    ...[end, ...numbers]: readonly [string, string, string, string, string, string]
  ): string =>
    `${cells([[end, 48], ...numbers.map((number, place) => [number, place === 2 ? 6 : 8, "start"] as const)])} ${requests}`.trimEnd();
  const asked = (requests: Link["requests"] = []): string =>
    requests.map(({ protocol, requests: count }) => `${protocol} ${countText(count)}`).join(" ");
  return {
    heading: line("REQUESTS", "PEER", "CONNECTS", "FAILURES", "OPEN", "SENT", "RECEIVED"),
    lines: links
      .toSorted((a, b) => b.connects + b.failures - a.connects - a.failures)
      .map(({ role, remote, address, port, connects, failures, open, sent_bytes, received_bytes, requests }) =>
        line(
          asked(requests),
          role === "client" ? `to ${address} port ${port}` : `from ${remote} at port ${port}`,
          cellText(connects, countText),
          cellText(failures, countText),
          cellText(open, countText),
          cellText(sent_bytes, bytesText),
          cellText(received_bytes, bytesText),
        ),
      ),
  };
}

/** How many lines of each table are shown where there are so many: an equal share each, and what others leave. */
export function shares(wanted: readonly number[], room: number): number[] {
  const given = wanted.map(() => 0);
  let left = room;
  for (let step = 1; left > 0 && step > 0;) {
    const open = [...given.keys()].filter((place) => (given[place] as number) < (wanted[place] as number));
    step = open.length === 0 ? 0 : Math.max(1, Math.floor(left / open.length));
    for (const place of open) {
      const more = Math.min(step, left, (wanted[place] as number) - (given[place] as number));
      given[place] = (given[place] as number) + more;
      left -= more;
    }
  }
  return given;
}

/** One process in detail: each signal's breakdown, then the links. */
function detailLines({ details, columns, rows, paint }: TopScene): string[] {
  if (details === undefined) {
    return [cut("no process is chosen: esc leads back", columns)];
  }
  const { process, breakdowns, links } = details;
  const place = process.container === "" ? "" : `  in ${escapeControls(process.container)}`;
  const tables = [...breakdowns.map(breakdownTable), ...(links.length > 0 ? [linkTable(links)] : [])];
  const lengths = shares(
    tables.map(({ lines }) => lines.length),
    Math.max(0, rows - 3 - tables.length),
  );
  return [
    cut(`${escapeControls(`${process.pid} ${process.comm}`)}${place}: since ringtap began`, columns),
    ...tables.flatMap(({ heading, lines }, index) => [
      paint("bold", cut(heading, columns)),
      ...lines.slice(0, lengths[index]).map((text) => cut(text, columns)),
    ]),
  ];
}

function helpLines({ columns, frame }: TopScene): string[] {
  const lines = [
    ...keyTexts.map(([keys, what]) => `  ${pad(keys, 36)} ${what}`),
    "",
    ...(frame?.columns ?? []).map(({ heading, help }) => `  ${pad(heading, 10)} ${help}`),
  ];
  return lines.map((line) => cut(line, columns));
}

/** All lines of the screen. */
export function topLines(scene: TopScene): string[] {
  const { state, frame, columns, rows, paint } = scene;
  const body = (): string[] => {
    if (state.view === "help") {
      return helpLines(scene);
    }
    if (frame === undefined) {
      return [];
    }
    return state.view === "process" ? detailLines(scene) : processLines(scene, frame);
  };
  const footer = state.view === "processes" ? "? help  enter details  / filter  q quit" : "esc back  q quit";
  const lines = [cut(healthText(scene), columns), ...body()].slice(0, Math.max(0, rows - 1));
  const blanks = Array.from({ length: Math.max(0, rows - 1 - lines.length) }, () => "");
  return [...lines, ...blanks, paint("dim", cut(footer, columns))];
}
