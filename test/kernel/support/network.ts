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

/** The two ends' addresses of a way between this machine and a network namespace. */
export interface HostLink {
  readonly host: string;
  readonly inside: string;
}

/** Joins a network namespace to this machine's own network, as a node's pods are, for as long as the namespace is there. */
export function joinHost(network: NetworkNamespace): HostLink {
  // TEST-NET-3 (RFC 5737); TEST-NET-1 is what some virtual machines are given.
  const link = { host: "203.0.113.1", inside: "203.0.113.2" };
  const device = `ringtap${process.pid}`;
  const ip = (command: string): Buffer => execFileSync("ip", command.split(" "));
  ip(`link add ${device} type veth peer name eth0 netns ${network.name}`);
  ip(`address add ${link.host}/30 dev ${device}`);
  ip(`link set ${device} up`);
  network.run("ip", "address", "add", `${link.inside}/30`, "dev", "eth0");
  network.run("ip", "link", "set", "eth0", "up");
  return link;
}
