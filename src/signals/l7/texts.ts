/** Numbers for texts that records tell, such as routes. */

/** Different texts at once, of all programs: label sets are made of them. */
export const mostTexts = 4096;

/** Bytes of a text, roughly. */
const textBytes = 200;

export class TextNumbers {
  /** A request without a text, or without a record. */
  static readonly unknown = 0;
  /** Beyond a limit. */
  static readonly other = 1;
  readonly memoryAtLimit = mostTexts * textBytes;
  readonly #texts = ["~unknown", "~other"];
  readonly #numbers = new Map<string, number>();

  /** The number of a text; {@link TextNumbers.other} when there are too many. */
  number(text: string): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) {
      return known;
    }
    if (this.#texts.length >= mostTexts) {
      return TextNumbers.other;
    }
    const number = this.#texts.push(text) - 1;
    this.#numbers.set(text, number);
    return number;
  }

  text(number: number): string {
    return this.#texts[number] ?? "";
  }
}
