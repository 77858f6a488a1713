/** What there is to know of the code of a function. */
export interface WalkedFunction {
  /** Calls of fixed places, these and the calls themselves by their distance from the function's beginning. */
  readonly calls: readonly { readonly at: number; readonly target: number }[];
  /** Where it saves its first argument, from the stack pointer on; undefined where that is not found, or not certain to stay. */
  readonly firstArgument: number | undefined;
}
