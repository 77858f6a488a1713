/** Errors as text in which hostile strings are escaped. */

/**
 * C0 and C1 controls, DEL, line separators, marks that reorder text and the invisible byte order mark: what would start a new
 * line, control a terminal or misrepresent the rest. Lone surrogates have no UTF-8.
 */
// eslint-disable-next-line no-control-regex -- the pattern is of controls
const hostile = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|\p{Surrogate}/gu;

const shortEscapes: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** `text` with its control characters written as `\n`, `\r`, `\t` or `\uXXXX`, which a JSON string may hold as well. */
export function escapeControls(text: string): string {
  return text.replace(
    hostile,
    (character) => shortEscapes[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** No more is shown of what code that is not ours has thrown, characters. */
const longestText = 4_000;

/** So many causes of an error are shown: one may be its own cause. */
const mostCauses = 8;

/** What an error says, whatever has been thrown: text that cannot be had is no reason to throw another error. */
function textOf(error: unknown): string {
  try {
    const text = String(error instanceof Error ? error.message : error);
    return text.length > longestText ? `${text.slice(0, longestText)}…` : text;
  } catch {
    return "an error that has no text";
  }
}

/** An error's message in one line, its causes and its stack left out: of code that is not ours. */
export function messageOf(error: unknown): string {
  return escapeControls(textOf(error));
}

/** An error about what foreign code has thrown: its message alone, since its stack concerns only the author of that code. */
export function foreignError(doing: string, error: unknown): Error {
  return new Error(`${doing}: ${messageOf(error)}`);
}

/** An error as one line, whatever it is: its message and those of its causes. */
export function messagesOf(error: unknown): string {
  return describe(error, false);
}

/**
 * An error as one line: its message and those of its causes. A defect of the program itself (a TypeError and the like)
 * keeps its stack, on more lines.
 */
export function describeError(error: unknown): string {
  return describe(error, true);
}

function describe(error: unknown, withStack: boolean, depth = 0): string {
  const message = messageOf(error);
  try {
    if (!(error instanceof Error)) {
      return message;
    }
    if (withStack && (error instanceof TypeError || error instanceof ReferenceError || error instanceof RangeError)) {
      return (error.stack ?? message).split("\n").map(escapeControls).join("\n");
    }
    const cause = error.cause === undefined || depth === mostCauses ? "" : describe(error.cause, withStack, depth + 1);
    return message.includes(cause) ? message : `${message}: ${cause}`;
  } catch {
    return message;
  }
}
