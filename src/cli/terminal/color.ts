/** Colours, for output to a terminal. */
import type { WriteStream } from "node:tty";
import { inspect } from "node:util";
import { single } from "../../sdk/flags.js";
import { oneOf } from "../../sdk/flag-values.js";

const colorModes = ["auto", "always", "never"] as const;

/** When colours are used. */
export type ColorMode = (typeof colorModes)[number];

export const colorFlags = {
  color: single(
    "color",
    "<when>",
    "colours: auto (on a terminal, unless NO_COLOR is set), always, never",
    "auto",
    oneOf(colorModes),
  ),
};

/** Should what goes to `stream` have colours? Node reads NO_COLOR and TERM. */
export function usesColor(mode: ColorMode, stream: Pick<Partial<WriteStream>, "isTTY" | "hasColors">): boolean {
  return mode === "auto" ? stream.isTTY === true && stream.hasColors?.() === true : mode === "always";
}

/** A way in which text can look. */
export type Style = "bold" | "dim" | "inverse" | "red" | "yellow";

/** Writes text in a style. */
export type Paint = (style: Style, text: string) => string;

/** Leaves text as it is when `colors` is off. */
export function painter(colors: boolean): Paint {
  return (style, text) => {
    const [open = 0, close = 0] = inspect.colors[style] ?? [];
    return colors ? `\u001b[${open}m${text}\u001b[${close}m` : text;
  };
}
