/** A cluster followed in a test, at a test's pace. */

import { type Cluster, followCluster, podsOf } from "../../../src/kubernetes/cluster.js";
import type { ApiFailure } from "../../../src/kubernetes/client/api-failure.js";
import type { FollowLimits } from "../../../src/kubernetes/client/follower.js";
import { PodIndex } from "../../../src/kubernetes/pods/pod-index.js";
import type { Scope } from "../../kernel/support/scope.js";
import type { FakeApiServer } from "./fake-api-server.js";

/** Fast enough for a test. */
export const quickLimits = { firstDelayMs: 20, maxDelayMs: 100, responseTimeoutMs: 2000 };

/** What the reporter was told, one text each: `pods gone`, `pods recovered`. */
export type Reports = string[];

export interface FollowedPods {
  readonly cluster: Cluster;
  readonly pods: PodIndex;
  readonly reports: Reports;
}

/** Follows the pods of `node-1`, until `scope` ends. */
export function followPods(
  scope: Scope,
  api: FakeApiServer,
  limits: Partial<FollowLimits> = {},
  breaker = { threshold: 1000, openMs: 1000 },
): FollowedPods {
  const pods = new PodIndex();
  const reports: Reports = [];
  const cluster = followCluster({
    server: api,
    follow: [{ resource: podsOf("node-1"), sink: pods }],
    report: {
      failed: (resource: string, failure: ApiFailure) => reports.push(`${resource} ${failure.reason}`),
      recovered: (resource: string) => reports.push(`${resource} recovered`),
    },
    limits: { ...quickLimits, ...limits },
    breaker,
  });
  scope.after(() => cluster.close());
  return { cluster, pods, reports };
}

/** How often a resource has failed for a reason. */
export function failures(cluster: Cluster, reason: ApiFailure["reason"]): number {
  return cluster.resources[0]?.failures.get(reason) ?? 0;
}
