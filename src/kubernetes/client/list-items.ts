/**
 * The items of a Kubernetes list (`{"metadata": {…}, "items": [{…}, …]}`) as it arrives: a list may be tens of megabytes, of which
 * only one item at a time is held and parsed.
 */
import { ApiFailure } from "./api-failure.js";

const quote = 0x22;
const backslash = 0x5c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

/** An item is an object in an array in the list's own object: as deep as this. */
const itemDepth = 2;

/** All but the items of a list is a few hundred bytes. */
const longestFrame = 65_536;

/** Bytes put together from pieces of chunks, up to a limit. */
class Pieces {
  readonly #limit: number;
  #pieces: Buffer[] = [];
  #length = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(piece: Buffer): void {
    this.#length += piece.length;
    if (this.isTooLong) {
      this.#pieces = [];
    } else {
      this.#pieces.push(piece);
    }
  }

  get isTooLong(): boolean {
    return this.#length > this.#limit;
  }

  take(): string {
    const text = Buffer.concat(this.#pieces).toString();
    this.#pieces = [];
    this.#length = 0;
    return text;
  }
}

/**
 * Gives each item's text to `take`, or undefined in place of one longer than `limit` bytes. Returns the text without the items. Throws
 * an ApiFailure when that is too long.
 */
export async function readListItems(
  body: AsyncIterable<Buffer>,
  limit: number,
  take: (text: string | undefined) => void,
): Promise<string> {
  const item = new Pieces(limit);
  const frame = new Pieces(longestFrame);
  /** Where the bytes at hand belong; those between two items belong nowhere. */
  let place = frame as Pieces | undefined;
  let depth = 0;
  let inString = false;
  let escaped = false;
  /** Is what encloses an item's depth an array? */
  let inArray = false;
  for await (const chunk of body) {
    let from = 0;
    const turn = (index: number, next: Pieces | undefined): void => {
      place?.add(chunk.subarray(from, index));
      place = next;
      from = index;
    };
    for (let index = 0; index < chunk.length; index++) {
      const byte = chunk[index] as number;
      if (inString) {
        inString = escaped || byte !== quote;
        escaped = !escaped && byte === backslash;
      } else if (byte === quote) {
        inString = true;
      } else if (byte === openBrace || byte === openBracket) {
        if (depth === itemDepth && inArray && byte === openBrace) {
          turn(index, item);
        }
        depth++;
        inArray = depth === itemDepth ? byte === openBracket : inArray;
      } else if (byte === closeBrace || byte === closeBracket) {
        depth--;
        if (depth === itemDepth && place === item) {
          turn(index + 1, undefined);
          const { isTooLong } = item;
          const text = item.take();
          take(isTooLong ? undefined : text);
        } else if (depth < itemDepth && place === undefined) {
          turn(index, frame);
        }
      }
    }
    turn(chunk.length, place);
    if (frame.isTooLong) {
      throw new ApiFailure("bad_json", `the list has more than ${longestFrame} bytes besides its items`);
    }
  }
  return frame.take();
}
