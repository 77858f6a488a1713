/** What a check of this machine found. */
export interface Finding {
  /** The name of the check: a few words, the same on every machine. */
  readonly check: string;
  /** `warn` when ringtap works less well than it could, `fail` when it does not work. */
  readonly status: "ok" | "warn" | "fail";
  /** What the check found. */
  readonly detail: string;
  /** What the reader of the finding can do about it; absent when the status is `ok`, or no fix is known. */
  readonly fix?: string;
}
