/** One thing that was looked into, and what came of it. */
export interface Finding {
  /** What was looked at: a few words, the same on every machine. */
  readonly check: string;
  /** `warn` where something is worse than it could be, `fail` where something does not work. */
  readonly status: "ok" | "warn" | "fail";
  /** What was found. */
  readonly detail: string;
  /** What to do about it, when it is not ok. */
  readonly mend?: string;
}
