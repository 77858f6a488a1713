/** Containers that talk to each other, named by an API server, as a real Prometheus finds them: the image's agent, in the chart's pod. */
import assert from "node:assert/strict";
import { describe } from "node:test";

import { only, render } from "../deploy/chart.js";
import { testCluster, clusterOptions } from "../kernel/support/cluster.js";
import { startContainer } from "../kernel/support/container.js";
import { eventually } from "../kernel/support/eventually.js";
import { joinHost, networkNamespace } from "../kernel/support/network.js";
import { startFakeApiServer } from "../kubernetes/support/fake-api-server.js";
import { unpackImage } from "./image.js";

describe("containers of a cluster, as Prometheus finds them with the image's agent", () => {
  testCluster(async (scope, objects) => {
    const network = networkNamespace(scope);
    const link = joinHost(network);
    const api = await startFakeApiServer(scope, { ...objects, host: link.host });
    const { signals, labels, peerLabels } = clusterOptions;
    const rendered = render({ config: { signals, labels, peer: { labels: peerLabels } } });
    const log = startContainer(scope, {
      pod: only(rendered, "DaemonSet").spec.template.spec,
      network,
      configuration: only(rendered, "ConfigMap").data,
      api,
      image: await unpackImage(scope),
    });
    await eventually(() => assert.match(log(), /serving metrics/));
    return { api, target: `${link.inside}:19435` };
  });
});
