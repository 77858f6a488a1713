/** Conditions that a builder has asked for, and nothing has come of. */
import { isKernels } from "./kernel.js";
import { Condition, Num, Text } from "./values.js";

/** How deep values lie in a definition: `count`, `by`, a label. */
const deepest = 4;

/** The keys of all expressions within what a builder has returned. */
function keysIn(value: unknown, depth = 0): string[] {
  if (value instanceof Num || value instanceof Text || value instanceof Condition) {
    return [value.node.key];
  }
  return typeof value === "object" && value !== null && !isKernels(value) && depth < deepest
    ? Object.values(value).flatMap((part) => keysIn(part, depth + 1))
    : [];
}

/**
 * Throws where a condition is part of nothing that the builder has returned: JavaScript's own operators have taken it for true, since it is
 * an object, and no object can know that it is asked.
 */
export function checkUsed(conditions: ReadonlySet<Condition>, result: unknown): void {
  const keys = keysIn(result);
  for (const { node } of conditions) {
    if (!keys.some((key) => key.includes(node.key))) {
      throw new TypeError(
        "a condition is part of nothing that is counted or recorded: JavaScript's own if, ?:, &&, || and ! take it for true: use and(), or(), not() and when()",
      );
    }
  }
}
