/** How processes are identified, and how many there may be, by default. */

/** Labels of their series. */
export const defaultLabels: readonly ["pid", "comm"] = ["pid", "comm"];

/** Processes, and control groups, that are tracked at once. */
export const defaultIdentityLimit = 32_768;

/**
 * Which processes have series of their own: `all` from their first event on, or only those that were `living` at a scrape, while the
 * others share series.
 */
export const pidSeries = ["all", "living"] as const;

export type PidSeries = (typeof pidSeries)[number];
