/** Asking a signal whether its flags go together. */
import { foreignError, messageOf } from "../log/error-text.js";
import { quote } from "../log/logger-text.js";
import type { FlagTable, FlagValues } from "../sdk/flags.js";
import type { AnySignal } from "../sdk/signal.js";

/** What is wrong with flags that are right one by one: the key of a flag in the signal's table, and a problem in one line. */
export interface FlagFault {
  readonly flag: string;
  readonly problem: string;
}

/** What a signal finds wrong with its flags. Throws an error of one line that names the signal when validate() throws or returns nonsense. */
export function flagFaultOf(signal: AnySignal, values: FlagValues<FlagTable>): FlagFault | undefined {
  const doing = `signal ${signal.name}: validate`;
  let fault: unknown;
  try {
    fault = signal.validate?.(values);
  } catch (error) {
    throw foreignError(doing, error);
  }
  if (fault === undefined) {
    return undefined;
  }
  const { flag, problem } = (typeof fault === "object" && fault !== null ? fault : {}) as Record<string, unknown>;
  if (typeof flag !== "string" || typeof problem !== "string") {
    throw new Error(`${doing}: want { flag, problem }, both texts, or undefined`);
  }
  if (!Object.hasOwn((signal.flags ?? {}) as FlagTable, flag)) {
    throw new Error(`${doing}: ${quote(flag)} is the key of none of its flags (problem: ${messageOf(problem)})`);
  }
  return { flag, problem: messageOf(problem) };
}
