/** Whether this Node is new enough. Imports nothing that an old one could not read. */
import { engines } from "./version.js";

/** What is wrong with a version of Node, such as "18.20.4"; undefined when it will do. */
export function nodeVersionFault(version: string): string | undefined {
  const oldest = engines.node.replace(">=", "");
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = oldest.split(".").map(Number);
  return major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)
    ? undefined
    : `Node ${version} (${process.execPath}) is too old: install ${oldest} or newer, or put it first in PATH`;
}
