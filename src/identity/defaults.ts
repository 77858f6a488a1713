/** What tells processes apart, and how many, when nobody asks for anything else. */

/** Labels of their series. */
export const defaultLabels: readonly ["pid", "comm"] = ["pid", "comm"];

/** Processes, and control groups, that are remembered at once. */
export const defaultIdentityLimit = 32_768;
