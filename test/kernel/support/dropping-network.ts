/** A network namespace whose nft rules drop packets, and count them. */
import { writeFileSync } from "node:fs";

import { type NetworkNamespace, networkNamespace } from "./network.js";
import { scratch } from "./program.js";
import type { Scope } from "./scope.js";

/** Packets that an nft rule has counted. */
export function counted(network: NetworkNamespace, counter: string): number {
  return Number(/packets (\d+)/.exec(network.run("nft", "list", "counter", "inet", "dropping", counter))?.[1]);
}

/** A namespace that drops packets to port 7001 when they come, and those to 7002 when they are sent. */
export function droppingNetwork(scope: Scope): NetworkNamespace {
  const network = networkNamespace(scope);
  const file = scratch("rules.nft");
  writeFileSync(
    file,
    `table inet dropping {
      counter come { }
      counter sent { }
      chain input { type filter hook input priority 0; udp dport 7001 counter name come drop; }
      chain output { type filter hook output priority 0; udp dport 7002 counter name sent drop; }
    }\n`,
  );
  network.run("nft", "--file", file);
  return network;
}
