/** `ringtap top` on a terminal: draws when there is something new, and obeys keys at once. */
import { emitKeypressEvents } from "node:readline";

import type { Live, Snapshot } from "../../views/live.js";
import { painter, usesColor } from "../terminal/color.js";
import { Screen } from "../terminal/screen.js";
import { numberColumns, sortKeys, type TopRow } from "./columns.js";
import { topFrame, type TopFrame } from "./model.js";
import type { TopOptions } from "./options.js";
import { type Key, pressed, type TopState } from "./state.js";
import { chooseRows, type TopDetails, topLines } from "./view.js";
import { pauseUntil } from "../waiting.js";

/** Draws until the user leaves, or `ending` resolves; the terminal is as before then. */
export async function showScreen(live: Live, options: TopOptions, ending: Promise<unknown>): Promise<void> {
  const { stdin, stdout } = process;
  const screen = new Screen(stdout);
  const paint = painter(usesColor(options.color, stdout));
  const links = live.watchLinks();
  let state: TopState = {
    view: "processes",
    sort: options.sort,
    reversed: false,
    filter: options.filter ?? "",
    isTyping: false,
    isPaused: false,
    place: 0,
    interval: options.interval / 1e6,
    isOver: false,
  };
  let latest: Snapshot | undefined;
  let frame: TopFrame | undefined;
  /** Stays the same whatever becomes of the order. */
  let inspected: TopRow | undefined;
  let leave: () => void = () => undefined;
  const left = new Promise<void>((resolve) => {
    leave = resolve;
  });
  const gone = new Promise<void>((resolve) => {
    stdout.once("error", () => {
      resolve();
    });
  });
  const over = Promise.race([ending, left, gone]);

  const chosen = (): TopRow[] => (frame === undefined ? [] : chooseRows(frame, { ...state, limit: options.limit }));
  /** Once a process has expired, another one may get its id. */
  const isThere = ({ id, pid, comm }: TopRow): boolean =>
    latest?.processes.some(({ id: its, labels }) => its === id && labels.pid === pid && labels.comm === comm) === true;
  const detailsOf = (process: TopRow): TopDetails => ({
    process,
    breakdowns: isThere(process) ? live.breakdowns(process.id) : [],
    links: isThere(process) ? links.links().filter((link) => link.process === process.id) : [],
  });
  const draw = (): void => {
    const details = inspected && detailsOf(inspected);
    const { columns, rows } = screen;
    screen.draw(topLines({ state, frame, chosen: chosen(), details, columns, rows, paint }));
  };
  const take = (): void => {
    screen.open();
    // Another program may have set the terminal's mode meanwhile, unknown to Node, which sets nothing that it believes to be set.
    stdin.setRawMode(false).setRawMode(true);
  };
  const release = (): void => {
    stdin.setRawMode(false);
    screen.close();
  };
  const onStop = (): void => {
    release();
    process.kill(process.pid, "SIGSTOP");
  };
  const onContinue = (): void => {
    take();
    draw();
  };
  const onKey = (_: string | undefined, key: Key): void => {
    if (key.ctrl === true && key.name === "z") {
      // To the whole group, as the terminal itself would do it: sudo has to stop, too.
      process.kill(0, "SIGTSTP");
      return;
    }
    const next = pressed(state, key, sortKeys(numberColumns(live.columns)));
    if (next.view === "process" && state.view !== "process") {
      const rows = chosen();
      inspected = rows[Math.min(state.place, rows.length - 1)];
    }
    state = { ...next, place: Math.min(next.place, Math.max(0, chosen().length - 1)) };
    if (state.isOver) {
      leave();
    } else {
      draw();
    }
  };
  const onResize = (): void => {
    screen.invalidate();
    draw();
  };

  emitKeypressEvents(stdin);
  take();
  stdin.on("keypress", onKey);
  stdout.on("resize", onResize);
  process.on("SIGTSTP", onStop).on("SIGCONT", onContinue);
  try {
    draw();
    latest = await live.snapshot();
    while (await pauseUntil(over, state.interval)) {
      const before = latest;
      latest = await live.snapshot();
      if (!state.isPaused) {
        frame = topFrame(before, latest, live.views);
        draw();
      }
    }
  } finally {
    links.close();
    stdin.off("keypress", onKey);
    stdout.off("resize", onResize);
    process.off("SIGTSTP", onStop).off("SIGCONT", onContinue);
    release();
    stdin.pause();
  }
}
