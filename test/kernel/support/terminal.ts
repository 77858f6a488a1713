/** A terminal for programs that draw: tmux, without anybody in front of it. */
import { execFileSync } from "node:child_process";

import { eventually } from "./eventually.js";
import type { Scope } from "./scope.js";

export interface TmuxTerminal {
  /** What is to be seen, a line each, without blanks at their ends. */
  lines(): string[];
  /** Presses keys, by tmux's names for them. */
  press(...keys: readonly string[]): void;
  resize(columns: number, rows: number): void;
  /** The process in the terminal. */
  readonly pid: number;
  /** Waits until the screen matches; returns its lines. */
  shows(pattern: RegExp): Promise<string[]>;
}

let opened = 0;

/** Runs a shell's command line in a terminal of its own, which goes with the scope. */
export function openTerminal(scope: Scope, command: string, columns = 120, rows = 24): TmuxTerminal {
  const socket = `ringtap-test-${process.pid}-${opened++}`;
  const tmux = (...args: readonly string[]): string =>
    execFileSync("tmux", ["-L", socket, "-f", "/dev/null", ...args], { encoding: "utf8" });
  tmux("new-session", "-d", "-x", String(columns), "-y", String(rows), command);
  scope.after(() => {
    tmux("kill-server");
  });
  const lines = (): string[] =>
    tmux("capture-pane", "-p")
      .split("\n")
      .slice(0, -1)
      .map((line) => line.trimEnd());
  return {
    lines,
    press: (...keys) => void tmux("send-keys", ...keys),
    resize: (width, height) => void tmux("resize-window", "-x", String(width), "-y", String(height)),
    pid: Number(tmux("display-message", "-p", "#{pane_pid}")),
    shows: (pattern) =>
      eventually(() => {
        const shown = lines();
        if (!pattern.test(shown.join("\n"))) {
          throw new Error(`nothing like ${String(pattern)} in:\n${shown.join("\n")}`);
        }
        return shown;
      }),
  };
}
