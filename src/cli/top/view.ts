/** The lines of `ringtap top`: a frame and what has been chosen, as text that fits the terminal. */
import { escapeControls } from "../../log/error-text.js";
import type { BreakdownRow, Link } from "../../views/protocol.js";
import { bytesText, countText, durationText, shareText } from "../../views/shared/quantities.js";
import type { Paint } from "../terminal/color.js";
import { cut, pad } from "../terminal/text.js";
import { cellText, matches, numberColumns, sortRows, type TopRow } from "./columns.js";
import type { TopFrame } from "./model.js";
import { keyTexts, type TopState } from "./state.js";

/** What is known of one process, since ringtap began. */
export interface TopDetails {
  readonly process: TopRow;
  readonly calls: readonly BreakdownRow[];
  readonly peers: readonly Link[];
}

/** Everything that is drawn. */
export interface TopScene {
  readonly state: TopState;
  /** Absent until there are two snapshots. */
  readonly frame: TopFrame | undefined;
  /** The processes that are shown, in their order. */
  readonly chosen: readonly TopRow[];
  /** The process that is looked into; absent when none is. */
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
export function headingText(): string {
  return cells([
    ["PID", pidWidth, "start"],
    ["COMM", commWidth],
    ...numberColumns.map(({ heading, width }) => [heading, width, "start"] as const),
    ["CONTAINER", containerWidth],
  ]).trimEnd();
}

/** The line of a process. */
export function rowText({ pid, comm, container, counts }: TopRow, seconds: number): string {
  return cells([
    [escapeControls(pid), pidWidth, "start"],
    [escapeControls(comm), commWidth],
    ...numberColumns.map(({ number, width, text }) => [text(counts[number] ?? 0, seconds), width, "start"] as const),
    [escapeControls(container), containerWidth],
  ]).trimEnd();
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
  return sortRows(wanted, sort, reversed).slice(0, limit);
}

/** The first line: what ringtap itself does. */
function healthText({ state, frame }: TopScene): string {
  const pace = `every ${durationText(state.interval / 1000)}`;
  if (frame === undefined) {
    return `ringtap top  ${pace}  looking`;
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
    ...(state.isPaused ? ["PAUSED"] : []),
  ];
  return parts.join("  ");
}

function processLines({ state, chosen, columns, rows, paint }: TopScene, frame: TopFrame): string[] {
  const order = `${chosen.length} ${chosen.length === 1 ? "process" : "processes"}, by ${state.sort}${state.reversed ? ", reversed" : ""}`;
  const filter =
    state.isTyping || state.filter !== ""
      ? `  filter: ${escapeControls(state.filter)}${state.isTyping ? "_" : ""}`
      : "";
  const room = Math.max(0, rows - 4);
  const place = Math.min(state.place, Math.max(0, chosen.length - 1));
  const first = Math.max(0, place - room + 1);
  return [
    cut(`${order}${filter}`, columns),
    paint("bold", cut(headingText(), columns)),
    ...chosen.slice(first, first + room).map((row, index) => {
      const text = cut(rowText(row, frame.seconds), columns);
      return first + index === place
        ? paint("inverse", text)
        : (row.counts.connect_failures ?? 0) > 0
          ? paint("red", text)
          : text;
    }),
  ];
}

function errorsText(errors: BreakdownRow["failures"]): string {
  return Object.entries(errors)
    .sort(([, a], [, b]) => b - a)
    .map(([errno, count]) => `${errno} ${count}`)
    .join(", ");
}

function callLines(calls: readonly BreakdownRow[]): string[] {
  return calls.map(({ name: syscall, count, seconds, failures: errors }) =>
    cells([
      [syscall, 24],
      [cellText(count, countText), 8, "start"],
      [durationText(seconds), 8, "start"],
      [durationText(seconds / count), 8, "start"],
      [errorsText(errors), 40],
    ]).trimEnd(),
  );
}

function peerLines(peers: readonly Link[]): string[] {
  return [...peers]
    .sort((a, b) => b.connects + b.failures - a.connects - a.failures)
    .map(({ role, remote, address, port, connects, failures, open, sent_bytes, received_bytes }) =>
      cells([
        [role === "client" ? `to ${address} port ${port}` : `from ${remote} at port ${port}`, 48],
        [cellText(connects, countText), 8, "start"],
        [cellText(failures, countText), 8, "start"],
        [cellText(open, countText), 6, "start"],
        [cellText(sent_bytes, bytesText), 8, "start"],
        [cellText(received_bytes, bytesText), 8, "start"],
      ]).trimEnd(),
    );
}

const callHeading = cells([
  ["SYSTEM CALL", 24],
  ["CALLS", 8, "start"],
  ["TIME", 8, "start"],
  ["EACH", 8, "start"],
  ["ERRORS", 40],
]).trimEnd();

const peerHeading = cells([
  ["PEER", 48],
  ["CONNECTS", 8, "start"],
  ["FAILURES", 8, "start"],
  ["OPEN", 6, "start"],
  ["SENT", 8, "start"],
  ["RECEIVED", 8, "start"],
]).trimEnd();

/** Half of the room is for the peers, if there are as many. */
function detailLines({ details, columns, rows, paint }: TopScene): string[] {
  if (details === undefined) {
    return [cut("no process is chosen: esc leads back", columns)];
  }
  const { process, calls, peers } = details;
  const place = process.container === "" ? "" : `  in ${escapeControls(process.container)}`;
  const room = Math.max(0, rows - 6);
  const ofPeers = peerLines(peers).slice(0, Math.max(Math.floor(room / 2), room - calls.length));
  return [
    cut(`${escapeControls(`${process.pid} ${process.comm}`)}${place}: since ringtap began`, columns),
    paint("bold", cut(callHeading, columns)),
    ...callLines(calls)
      .slice(0, room - ofPeers.length)
      .map((text) => cut(text, columns)),
    paint("bold", cut(peerHeading, columns)),
    ...ofPeers.map((text) => cut(text, columns)),
  ];
}

function helpLines({ columns }: TopScene): string[] {
  const lines = [
    ...keyTexts.map(([keys, what]) => `  ${pad(keys, 36)} ${what}`),
    "",
    ...numberColumns.map(({ heading, what }) => `  ${pad(heading, 10)} ${what}`),
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
