/** What names of metrics say of units. */

const units = ["seconds", "bytes"];

/** The family that a metric is of as OpenMetrics has it: a counter's goes without `_total`. */
export function familyName(type: string, name: string): string {
  return type === "counter" ? name.replace(/_total$/, "") : name;
}

/** The unit of a metric, which is the last word of its family's name; "" when that is none. */
export function unitOf(type: string, name: string): string {
  const family = familyName(type, name);
  return units.find((unit) => family.endsWith(`_${unit}`)) ?? "";
}
