/** The labels that identify processes, and how many processes there may be, by default. */

/** Labels of their series. */
export const defaultLabels: readonly ["pid", "comm"] = ["pid", "comm"];

/** Processes, and control groups, that are tracked at once. */
export const defaultIdentityLimit = 32_768;
