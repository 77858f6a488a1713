/** Labels that identify processes. */
import { cgroupLabels } from "./cgroups.js";

/** Labels that a process has whatever control group it is in. */
export const processLabels = ["pid", "comm"] as const;

/** Labels that a series can be identified by, beside those that only {@link ContainerNames} know of. */
export const identityLabels = [...processLabels, ...cgroupLabels] as const;

/** Do these labels ask where processes run? */
export function needCgroups(labels: readonly string[]): boolean {
  return labels.some((label) => !(processLabels as readonly string[]).includes(label));
}
