/** Reads the text of src/sdk/syscall-numbers.ts: names in the order of their numbers, `@5` before one that skips to 5. */
export function readNames(text: string): readonly (string | undefined)[] {
  const names: (string | undefined)[] = [];
  let next = 0;
  for (const word of text.trim().split(/\s+/)) {
    if (word.startsWith("@")) {
      next = Number(word.slice(1));
    } else {
      names[next++] = word;
    }
  }
  return Array.from(names);
}
