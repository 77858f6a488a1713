/** Types in TypeScript of what several kernels have, each perhaps in its own way: sound for all of them. */

/** A type in TypeScript: its text, or the members of a struct or union without a name. */
export type TypeOf = string | Members;

/** Members by name; the name of one that some kernel lacks ends in a question mark. */
export type Members = Map<string, TypeOf>;

/** The names of an enum's values, of which there may be too many. */
export type Names = readonly string[];

/** A number of which some values have names. */
export function numberText(names: Names): string {
  return names.length === 0 ? "N" : `N<${names.map((name) => `"${name}"`).join("|")}>`;
}

/** A type as text. */
export function typeText(type: TypeOf): string {
  return typeof type === "string" ? type : objectText(type);
}

/** Members as the text of an object type. */
export function objectText(members: Members): string {
  return `{${[...members].map(([name, type]) => `${name}:${typeText(type)}`).join(";")}}`;
}

/** A type of which each kernel has one of these: what can be done with it is what can be done with all of them. */
export function unitedType(types: readonly TypeOf[]): TypeOf {
  return types.every((type) => typeof type !== "string") ? merged(types) : [...new Set(types.map(typeText))].join("|");
}

/** Members of all kernels: what is missing in one of them is optional. */
export function merged(all: readonly Members[]): Members {
  const names = new Set(all.flatMap((each) => [...each.keys()]));
  return new Map(
    Array.from(names, (name) => {
      const types = all.flatMap((each) => each.get(name) ?? []);
      return [types.length === all.length ? name : `${name}?`, unitedType(types)];
    }),
  );
}

/** The names that an enum's values have on all kernels that have it. */
export function commonNames(all: readonly Names[]): Names {
  const [first = [], ...others] = all;
  return first.filter((name) => others.every((names) => names.includes(name)));
}

/** What is declared under a name, by the kernels that have it. */
export function byName<Declaration>(
  all: readonly ReadonlyMap<string, Declaration>[],
  unite: (of: readonly Declaration[]) => Declaration,
): Map<string, Declaration> {
  const names = new Set(all.flatMap((each) => [...each.keys()]));
  const found = (name: string): Declaration[] =>
    all.map((each) => each.get(name)).filter((declaration) => declaration !== undefined);
  return new Map([...names].sort().map((name) => [name, unite(found(name))]));
}
