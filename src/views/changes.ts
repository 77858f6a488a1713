/** What has changed in a list since the last snapshot, as JSON: written once for all viewers. */

/** Rows by id, as text. */
export class Changes {
  #texts = new Map<number, string>();

  /** Takes the list as it is now. Returns what has changed as the JSON of `Rows`. */
  update(rows: readonly { readonly id: number }[]): string {
    const before = this.#texts;
    this.#texts = new Map(rows.map((row) => [row.id, JSON.stringify(row)]));
    const changed = Array.from(this.#texts).filter(([id, text]) => before.get(id) !== text);
    const gone = [...before.keys()].filter((id) => !this.#texts.has(id));
    return rowsJson(
      changed.map(([, text]) => text),
      gone,
    );
  }

  /** The whole list, in the same form. */
  whole(): string {
    return rowsJson([...this.#texts.values()], []);
  }
}

function rowsJson(rows: readonly string[], gone: readonly number[]): string {
  return `{"rows":[${rows.join(",")}],"gone":[${gone.join(",")}]}`;
}
