/** What a kernel does not have, and what stands for it in an expression. */

/** What this kernel does not have, or has in another way than a signal needs it. */
export class KernelError extends Error {
  override readonly name = "KernelError";
}

/** Stands for what a kernel does not have, so that a builder comes to its end and its signal has a name: all that is asked of it is the same. */
export const lacking: object = new Proxy(() => undefined, {
  get: (_target, name) => (typeof name === "symbol" || name === "then" ? undefined : lacking),
  apply: () => lacking,
  has: () => false,
});
