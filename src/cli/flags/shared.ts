/** Flags that several commands have. */
import { type CgroupHierarchy, cgroupSources } from "../../host/cgroup-hierarchy.js";
import { logFormats, logLevels } from "../../log/logger.js";
import { ringSize } from "./values.js";
import { optional, single, toggle } from "../../sdk/flags.js";
import { oneOf } from "../../sdk/flag-values.js";

/** The flags of the log. */
export const logFlags = {
  logLevel: single(
    "log.level",
    "<level>",
    `least severe message to log: ${logLevels.join(", ")}`,
    "info",
    oneOf(logLevels),
  ),
  logFormat: single("log.format", "<format>", `form of the log: ${logFormats.join(", ")}`, "logfmt", oneOf(logFormats)),
};

/** The flags of the ring buffers. */
export const ringFlags = {
  /** Bytes, a power of two. */
  ringSize: optional("ring.size", "<size>", "size of each signal's ring buffer, instead of 1MiB to 4MiB", ringSize),
};

/** How lines are written that say one thing each. */
export const lineFlags = {
  output: single(
    "output",
    "<format>",
    "table, for people, or json, an object a line",
    "table",
    oneOf(["table", "json"] as const),
  ),
};

/** What happens to the privileges once everything is attached. */
export const privilegeFlags = {
  dropCapabilities: toggle(
    "capabilities.drop",
    "give up the capabilities that are needed no more once everything is attached",
    "true",
  ),
};

const cgroupHierarchies = ["auto", ...(Object.keys(cgroupSources) as CgroupHierarchy[])] as const;

/** Which control groups are spoken of. */
export const cgroupFlags = {
  cgroupHierarchy: single(
    "cgroup.hierarchy",
    "<name>",
    `hierarchy that identifies containers: ${cgroupHierarchies.join(", ")}`,
    "auto",
    oneOf(cgroupHierarchies),
  ),
};
