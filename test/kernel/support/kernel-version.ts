/** The version of the running kernel. */
import { release } from "node:os";

const [runningMajor = 0, runningMinor = 0] = release().split(/[.-]/).map(Number);

/** Is the running kernel older than this version, such as 5.17? */
export function isOlderThan(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return runningMajor < major || (runningMajor === major && runningMinor < minor);
}
