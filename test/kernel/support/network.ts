/** Network namespaces of a test's own. */
import { execFileSync } from "node:child_process";

import type { Scope } from "./scope.js";

/** A network namespace with its loopback up. */
export interface NetworkNamespace {
  readonly name: string;
  /** What a command line begins with to run inside. */
  readonly prefix: readonly string[];
  /** Runs a command inside and returns its output; throws when it fails. */
  run(...command: readonly string[]): string;
  /** A counter of the namespace's /proc/net/snmp, such as `Tcp`, `ActiveOpens`. */
  snmp(protocol: string, counter: string): number;
}

let made = 0;

/** Makes a network namespace that goes with the scope. */
export function networkNamespace(scope: Scope): NetworkNamespace {
  const name = `ringtap-${process.pid}-${made++}`;
  const prefix = ["ip", "netns", "exec", name];
  const run = (...command: readonly string[]): string => {
    const [file = "", ...args] = [...prefix, ...command];
    return execFileSync(file, args, { encoding: "utf8" });
  };
  execFileSync("ip", ["netns", "add", name]);
  scope.after(() => {
    execFileSync("ip", ["netns", "delete", name]);
  });
  run("ip", "link", "set", "lo", "up");
  return {
    name,
    prefix,
    run,
    snmp(protocol, counter) {
      const lines = run("cat", "/proc/net/snmp").split("\n");
      const [names = [], values = []] = lines
        .filter((line) => line.startsWith(`${protocol}: `))
        .map((line) => line.split(" "));
      const value = values[names.indexOf(counter)];
      if (value === undefined) {
        throw new Error(`/proc/net/snmp has no ${protocol} ${counter}`);
      }
      return Number(value);
    },
  };
}
