/** Which requests have failed. */
import { protocols } from "./protocols.js";
import type { L7Event } from "./records.js";

/** By its status or its error; `is_failure()` of bpf/l7/finish.h says the same. */
export function hasFailed({ protocol, status, error }: L7Event): boolean {
  return error !== 0 || status >= (protocols[protocol]?.failingStatus ?? 0);
}
