/** Whether this Node is new enough. Imports nothing that an old one could not read. */
import { readFileSync } from "node:fs";

const manifest = new URL("../../../package.json", import.meta.url);

/** What is wrong with a version of Node, such as "18.20.4"; undefined when it will do. `engines.node` of package.json has the oldest. */
export function nodeVersionFault(version: string): string | undefined {
  const { engines } = JSON.parse(readFileSync(manifest, "utf8")) as { engines: { node: string } };
  const oldest = engines.node.replace(">=", "");
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = oldest.split(".").map(Number);
  return major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)
    ? undefined
    : `Node ${version} (${process.execPath}) is too old: install ${oldest} or newer, or put it first in PATH`;
}
