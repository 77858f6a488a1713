/** Routes that the user gives: `/cart/{id}`, and `/static/*` for all that begins so. */
import { refuse } from "ringtap/signal";

import { hashesOf, longestPath, mostSegments, type PathSegments } from "./path.js";

/** A segment: a word by its hashes, or any one, or all the rest. */
type Segment = readonly [number, number] | "any" | "rest";

/** A route's template. */
export interface Template {
  readonly text: string;
  readonly segments: readonly Segment[];
}

function segmentOf(text: string): Segment {
  return text === "*" ? "rest" : /^\{[\w.-]+\}$/.test(text) ? "any" : hashesOf(text);
}

/** Reads a template; the text is shown as it is. */
export function templateOf(text: string): Template {
  const words = text.slice(1).split("/");
  const isPath = text.startsWith("/") && text.length <= longestPath && words.length <= mostSegments;
  const areWords = words.every(
    (word, index) =>
      /^(?:[!-~]*|\{[\w.-]+\})$/.test(word) &&
      !/[?#]/.test(word) &&
      (!/[{}]/.test(word) || segmentOf(word) === "any") &&
      (!word.includes("*") || (word === "*" && index === words.length - 1)),
  );
  return isPath && areWords
    ? { text, segments: words.map(segmentOf) }
    : refuse(
        text,
        `expected a path such as /cart/{id} or /static/*, of at most ${mostSegments} segments and ${longestPath} characters`,
      );
}

/** What is better where two templates match: a word, then any segment, then the rest. */
function rank(segment: Segment | undefined): number {
  return segment === "rest" ? 3 : segment === "any" ? 2 : segment === undefined ? 1 : 0;
}

/** Sorts better templates before others. */
export function compare({ segments: a }: Template, { segments: b }: Template): number {
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const difference = rank(a[index]) - rank(b[index]);
    if (difference !== 0) {
      return difference;
    }
  }
  return 0;
}

/** Does a path have the form of a template? Allocates nothing. */
export function matches({ segments }: Template, path: PathSegments): boolean {
  const hasRest = segments.at(-1) === "rest";
  const fixed = hasRest ? segments.length - 1 : segments.length;
  const whole = path.isCut ? path.count - 1 : path.count;
  if (hasRest ? path.count <= fixed || whole < fixed : path.isCut || whole !== fixed) {
    return false;
  }
  for (let index = 0; index < fixed; index++) {
    const segment = segments[index] as Segment;
    if (typeof segment !== "string" && (segment[0] !== path.first[index] || segment[1] !== path.second[index])) {
      return false;
    }
  }
  return true;
}
