/** What stands in an expression for what a kernel does not have. */

/** Stands for what a kernel does not have, so that a builder comes to its end and its signal has a name: all that is asked of it is the same. */
export const lacking: object = new Proxy(() => undefined, {
  get: (_target, name) => (typeof name === "symbol" || name === "then" ? undefined : lacking),
  apply: () => lacking,
  has: () => false,
});
