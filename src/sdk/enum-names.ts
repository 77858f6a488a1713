/** Names of the values of a generated enum, by value. */
export function keysOf(values: Readonly<Record<string, number>>): readonly string[] {
  const names: string[] = [];
  for (const [name, value] of Object.entries(values)) {
    names[value] = name;
  }
  return names;
}
