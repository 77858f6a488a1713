/** Text in the cells of a terminal. */
import { eastAsianWidth } from "get-east-asian-width";

/** What people see as one character may be several code points. */
const segmenter = new Intl.Segmenter();

const plainText = /^[ -~]*$/;
const mark = /^[\p{Mark}\p{Cf}]/u;
/** Asks for the picture of a character that is text otherwise. */
const pictureSelector = "\ufe0f";

/** The cells that one character, as people see it, takes. */
function cellsOf(character: string): number {
  if (mark.test(character)) {
    return 0;
  }
  return character.includes(pictureSelector) ? 2 : eastAsianWidth(character.codePointAt(0) ?? 0);
}

/** The cells that a text without controls takes: two for characters of East Asia and for pictures, none for marks. */
export function displayWidth(text: string): number {
  if (plainText.test(text)) {
    return text.length;
  }
  let width = 0;
  for (const { segment } of segmenter.segment(text)) {
    width += cellsOf(segment);
  }
  return width;
}

/** `text` with blanks behind it, or before it for numbers, up to so many cells. */
export function pad(text: string, width: number, side: "end" | "start" = "end"): string {
  const blanks = " ".repeat(Math.max(0, width - displayWidth(text)));
  return side === "end" ? text + blanks : blanks + text;
}

/** As much of `text` as fits into so many cells, `…` at its end if that is not all. */
export function cut(text: string, width: number): string {
  if (displayWidth(text) <= width) {
    return text;
  }
  if (width < 1) {
    return "";
  }
  let kept = "";
  let used = 0;
  for (const { segment } of segmenter.segment(text)) {
    used += cellsOf(segment);
    if (used > width - 1) {
      break;
    }
    kept += segment;
  }
  return `${kept}…`;
}
