/** Containers that talk to each other, named by an API server, as a real Prometheus finds them: this build's agent. */
import { describe } from "node:test";

import { startFakeApiServer } from "../../kubernetes/support/fake-api-server.js";
import { startAgent } from "../support/agent.js";
import { clusterOptions, testCluster } from "../support/cluster.js";

describe("containers of a cluster, as Prometheus finds them", () => {
  testCluster(async (scope, objects) => {
    const api = await startFakeApiServer(scope, objects);
    const { signals, labels, peerLabels } = clusterOptions;
    const agent = await startAgent(scope, [
      ...[`--signals=${signals.join()}`, `--labels=${labels.join()}`, `--peer.labels=${peerLabels.join()}`],
      ...["--kubernetes.node-name=node-1", `--kubernetes.api-url=${api.url}`],
      ...[`--kubernetes.token-file=${api.tokenFile}`, `--kubernetes.ca-file=${api.caFile}`],
    ]);
    return { api, target: new URL(agent.origin).host };
  });
});
