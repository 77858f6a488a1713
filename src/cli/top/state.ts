/** What the person in front of `ringtap top` has chosen, and how keys change it. */

export interface TopState {
  readonly view: "processes" | "process" | "help";
  readonly sort: string;
  readonly reversed: boolean;
  readonly filter: string;
  /** Is the filter being typed? */
  readonly isTyping: boolean;
  readonly isPaused: boolean;
  /** The place of the chosen row among those shown, from 0; the screen keeps it within them. */
  readonly place: number;
  /** Milliseconds. */
  readonly interval: number;
  readonly isOver: boolean;
}

/** A key as node:readline names it. */
export interface Key {
  readonly name?: string | undefined;
  readonly sequence?: string | undefined;
  readonly ctrl?: boolean | undefined;
}

/** Milliseconds. */
const shortestInterval = 100;
const longestInterval = 60_000;

/** Rows that page up and page down go. */
const pageRows = 20;

/** What keys do, for the help. */
export const keyTexts: readonly (readonly [keys: string, what: string])[] = [
  ["up, down, j, k, page up, page down", "choose a process"],
  ["enter", "its breakdowns and its peers; esc or enter leads back"],
  ["left, right, <, >", "sort by the next column"],
  ["r", "reverse the order"],
  ["/", "show only processes whose name, container or pid this is; enter ends it, esc takes it back"],
  ["space, p", "pause, go on"],
  ["+, -", "halve the interval, or double it"],
  ["?, h", "this help"],
  ["ctrl-z", "stop, as other programs do; fg goes on"],
  ["q, ctrl-c", "leave"],
];

function typed(state: TopState, { name, sequence = "", ctrl = false }: Key): TopState {
  switch (name) {
    case "return":
    case "enter":
      return { ...state, isTyping: false };
    case "escape":
      return { ...state, isTyping: false, filter: "" };
    case "backspace":
      return { ...state, filter: Array.from(state.filter).slice(0, -1).join("") };
    default:
      return ctrl || !/^[^\p{Cc}]+$/u.test(sequence) ? state : { ...state, filter: state.filter + sequence, place: 0 };
  }
}

function sortedBy(state: TopState, sortKeys: readonly string[], step: number): TopState {
  const next = (sortKeys.indexOf(state.sort) + step + sortKeys.length) % sortKeys.length;
  return { ...state, sort: sortKeys[next] ?? state.sort };
}

function moved(state: TopState, rows: number): TopState {
  return { ...state, place: Math.max(0, state.place + rows) };
}

function back(state: TopState): TopState {
  return { ...state, view: "processes" };
}

const commands: Readonly<Record<string, (state: TopState, sortKeys: readonly string[]) => TopState>> = {
  q: (state) => ({ ...state, isOver: true }),
  up: (state) => moved(state, -1),
  k: (state) => moved(state, -1),
  down: (state) => moved(state, 1),
  j: (state) => moved(state, 1),
  pageup: (state) => moved(state, -pageRows),
  pagedown: (state) => moved(state, pageRows),
  home: (state) => ({ ...state, place: 0 }),
  return: (state) => ({ ...state, view: state.view === "processes" ? "process" : "processes" }),
  enter: (state) => ({ ...state, view: state.view === "processes" ? "process" : "processes" }),
  escape: back,
  left: (state, sortKeys) => sortedBy(state, sortKeys, -1),
  "<": (state, sortKeys) => sortedBy(state, sortKeys, -1),
  right: (state, sortKeys) => sortedBy(state, sortKeys, 1),
  ">": (state, sortKeys) => sortedBy(state, sortKeys, 1),
  r: (state) => ({ ...state, reversed: !state.reversed }),
  "/": (state) => ({ ...back(state), isTyping: true }),
  space: (state) => ({ ...state, isPaused: !state.isPaused }),
  p: (state) => ({ ...state, isPaused: !state.isPaused }),
  "+": (state) => ({ ...state, interval: Math.max(shortestInterval, state.interval / 2) }),
  "-": (state) => ({ ...state, interval: Math.min(longestInterval, state.interval * 2) }),
  "?": (state) => ({ ...state, view: state.view === "help" ? "processes" : "help" }),
  h: (state) => ({ ...state, view: state.view === "help" ? "processes" : "help" }),
};

/** The state after a key, where these are the keys that can be sorted by. */
export function pressed(state: TopState, key: Key, sortKeys: readonly string[]): TopState {
  if (key.ctrl === true && key.name === "c") {
    return { ...state, isOver: true };
  }
  if (state.isTyping) {
    return typed(state, key);
  }
  const command = commands[key.name ?? ""] ?? commands[key.sequence ?? ""];
  return command === undefined || key.ctrl === true ? state : command(state, sortKeys);
}
