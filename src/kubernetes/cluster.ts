/** Follows resources of the cluster: the parts of this folder put together. */
import type { ApiServer } from "./client/api-server.js";
import { CircuitBreaker, type CircuitState } from "./client/circuit-breaker.js";
import type { FailureReason } from "./client/api-failure.js";
import {
  Follower,
  type FollowLimits,
  type Reporter,
  type Resource,
  type Sink,
  defaultFollowLimits,
} from "./client/follower.js";

/** Failures in a row after which no requests are made, and for how long, milliseconds. */
const breakerOptions = { threshold: 5, openMs: 60_000 };

/** One resource, and what is to be done with its objects. */
export interface Followed {
  readonly resource: Resource;
  readonly sink: Sink;
}

/** The state of one resource. */
export interface ResourceStatus {
  readonly name: string;
  readonly isUp: boolean;
  /** Milliseconds since 1970; 0 for never. */
  readonly lastSync: number;
  readonly objects: number;
  readonly failures: ReadonlyMap<FailureReason, number>;
}

export interface Cluster {
  readonly resources: readonly ResourceStatus[];
  readonly circuit: CircuitState;
  /** Begins to follow one more resource. */
  follow(more: Followed): void;
  /** Ends all requests. */
  close(): void;
}

export interface ClusterOptions {
  readonly server: ApiServer;
  /** What to begin with. */
  readonly follow: readonly Followed[];
  readonly report: Reporter;
  /** Where they differ from {@link defaultFollowLimits}. */
  readonly limits?: Partial<FollowLimits>;
  readonly breaker?: { readonly threshold: number; readonly openMs: number };
}

/** The pods of one node. */
export function podsOf(node: string): Resource {
  return { name: "pods", path: "/api/v1/pods", fieldSelector: `spec.nodeName=${node}` };
}

/** Follows what is asked for, in the background. */
export function followCluster(options: ClusterOptions): Cluster {
  const { server, report } = options;
  const limits = { ...defaultFollowLimits, ...options.limits };
  const breaker = new CircuitBreaker(options.breaker ?? breakerOptions);
  const followers: Follower[] = [];
  const follow = ({ resource, sink }: Followed): void => {
    const follower = new Follower({ server, resource, sink, breaker, report, limits });
    followers.push(follower);
    void follower.run();
  };
  options.follow.forEach(follow);
  return {
    follow,
    resources: followers,
    get circuit() {
      return breaker.state;
    },
    close() {
      for (const follower of followers) {
        follower.close();
      }
    },
  };
}
