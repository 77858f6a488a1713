/** Whether the clocks of this process are the host's. */
import { clockOffset, hasHostClock } from "../binding/kernel-clock.js";
import type { Finding } from "./finding.js";

/** Whether this process has the host's clocks, or others that can be converted. */
export function timeNamespace(): Finding {
  const check = "time namespace";
  const ahead = clockOffset();
  if (ahead === undefined) {
    return {
      check,
      status: "warn",
      detail: "not the host's, and its offset is not known: the times of events are wrong by it",
      fix: "start ringtap in the host's (nsenter --time=/proc/1/ns/time)",
    };
  }
  const detail = hasHostClock()
    ? "the host's"
    : `not the host's: its clock is ${Number(ahead) / 1e9} s ahead, which is corrected`;
  return { check, status: "ok", detail };
}
