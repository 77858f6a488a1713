/** Interned label tuples: each distinct tuple is a small number, and its exposition text is made once. */
import { checkLabelNames } from "./names.js";

/** What a label says when a series was folded into the common one. */
const otherValue = "~other";

const noText = new Uint8Array();

const escapes: Readonly<Record<string, string>> = { "\\": "\\\\", '"': '\\"', "\n": "\\n" };

/** Replaces each lone surrogate by U+FFFD, so that the string has a UTF-8 form and that form reads back as the same string. */
function wellFormed(value: string): string {
  return value.replace(/\p{Surrogate}/gu, "\uFFFD");
}

/** `name="value"` for each label, as the text exposition writes it. An empty value is the same as no label, so it is left out. */
function labelTexts(names: readonly string[], values: readonly string[]): string[] {
  return names
    .map((name, index) => [name, values[index] ?? ""] as const)
    .filter(([, value]) => value !== "")
    .map(([name, value]) => `${name}="${value.replace(/[\\"\n]/g, (character) => escapes[character] ?? character)}"`);
}

/** Labels as the text exposition writes them, without braces. */
export function labelText(names: readonly string[], values: readonly string[]): string {
  return labelTexts(names, values).join(",");
}

/** A tuple, and the names that its values have. */
interface Labels {
  readonly names: readonly string[];
  readonly values: readonly string[];
  /** What identifies a series, whatever the order of the names. */
  readonly key: string;
}

/** UTF-8 in an array of its own: a Buffer would be part of eight kilobytes that live as long as the longest-lived of their parts. */
function encoded(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text));
}

/**
 * A set of label names and the value tuples seen for them.
 *
 * @example
 * const process = new Dimension(["pid", "comm"]);
 * const id = process.intern("1", 'a"b');
 * process.text(id); // pid="1",comm="a\"b"
 */
export class Dimension {
  /** The tuple with `~other` in every label: where series beyond a table's limit go. Always present. */
  readonly other: number;

  #names: readonly string[];
  readonly #ids = new Map<string, number>();
  readonly #labels: (Labels | undefined)[] = [];
  readonly #texts: Uint8Array[] = [];
  readonly #free: number[] = [];
  readonly #releaseListeners: ((id: number) => void)[] = [];

  /** Throws when a name is outside the Prometheus grammar, or given twice. No names at all make one tuple, without labels. */
  constructor(names: readonly string[]) {
    checkLabelNames(names);
    this.#names = [...names];
    this.other = this.intern(...names.map(() => otherValue));
  }

  /** The names of the tuples that are interned from now on. */
  get names(): readonly string[] {
    return this.#names;
  }

  /**
   * Changes the names. Tuples that are interned keep those that they have, and are found again by the same labels; `other` gets the
   * new ones. Throws as the constructor does.
   */
  rename(names: readonly string[]): void {
    checkLabelNames(names);
    this.#names = [...names];
    this.#ids.delete(this.#at(this.other).key);
    this.#put(
      this.other,
      names.map(() => otherValue),
    );
  }

  /** How many tuples are interned, `other` among them. */
  get size(): number {
    return this.#ids.size;
  }

  /**
   * The id of a tuple, one value for each name; a new one when the tuple is new. Ids are dense and start at 0; a released id is
   * given out again. Costs a string and a map lookup: keep the id where events arrive by the thousand.
   */
  intern(...values: string[]): number {
    if (values.length !== this.names.length) {
      throw new RangeError(`labels ${this.names.join(",")}: got ${values.length} values`);
    }
    const tuple = values.map(wellFormed);
    return this.#ids.get(this.#key(tuple)) ?? this.#put(this.#free.pop() ?? this.#labels.length, tuple);
  }

  /** Is the id given out and not released since? */
  has(id: number): boolean {
    return this.#labels[id] !== undefined;
  }

  /** The names of an id's values: those that the dimension had when it was interned. Throws for an id that is not interned. */
  namesOf(id: number): readonly string[] {
    return this.#at(id).names;
  }

  /** The values behind an id, in the order of its names. Throws for an id that is not interned. */
  values(id: number): readonly string[] {
    return this.#at(id).values;
  }

  /** The values behind an id by their names. Throws for an id that is not interned. */
  labels(id: number): Record<string, string> {
    const { names, values } = this.#at(id);
    return Object.fromEntries(names.map((name, index) => [name, values[index] ?? ""]));
  }

  /** The labels of an id, escaped for the text exposition, without braces; empty for an id that is not interned. */
  text(id: number): string {
    return Buffer.from(this.textBytes(id)).toString();
  }

  /** The {@link text} as UTF-8, made when the tuple was interned: to be copied, never changed. */
  textBytes(id: number): Uint8Array {
    return this.#texts[id] ?? noText;
  }

  /** From now on `listener` is called with the id of each tuple that is deleted, while it is still interned. */
  onRelease(listener: (id: number) => void): void {
    this.#releaseListeners.push(listener);
  }

  /** Deletes a tuple; its id may be given out again. `other` stays. Throws for an id that is not interned. */
  release(id: number): void {
    const { key } = this.#at(id);
    if (id === this.other) {
      return;
    }
    for (const listener of this.#releaseListeners) {
      listener(id);
    }
    this.#ids.delete(key);
    this.#labels[id] = undefined;
    this.#texts[id] = noText;
    this.#free.push(id);
  }

  #at(id: number): Labels {
    const labels = this.#labels[id];
    if (labels === undefined) {
      throw new RangeError(`labels ${this.names.join(",")}: no tuple has the id ${id}`);
    }
    return labels;
  }

  #key(values: readonly string[]): string {
    return labelTexts(this.#names, values).sort().join(",");
  }

  /** Makes `id` stand for a tuple under the names of now. Returns it. */
  #put(id: number, values: readonly string[]): number {
    const key = this.#key(values);
    this.#ids.set(key, id);
    this.#labels[id] = { names: this.#names, values, key };
    this.#texts[id] = encoded(labelText(this.#names, values));
    return id;
  }
}
