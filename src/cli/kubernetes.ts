/** Follows what the flags ask for of Kubernetes. */
import type { Logger } from "pino";

import type { Cgroups } from "../identity/cgroups.js";
import { type ApiServer, clusterApiServer } from "../kubernetes/client/api-server.js";
import { type Cluster, followCluster, type Followed, podsOf } from "../kubernetes/cluster.js";
import type { FailureReason } from "../kubernetes/client/api-failure.js";
import type { Reporter } from "../kubernetes/client/follower.js";
import { endpointSlices, Peers, services } from "../kubernetes/peers/peers.js";
import { podLabelNames } from "../kubernetes/pods/pod.js";
import { PodIndex } from "../kubernetes/pods/pod-index.js";
import { UsageError } from "./errors.js";
import type { RunOptions } from "./run/options.js";
import type { kubernetesFlags } from "./flags/kubernetes.js";
import type { FlagValues } from "../sdk/flags.js";

export type KubernetesOptions = FlagValues<typeof kubernetesFlags>;

export interface Kubernetes {
  /** The pods of this node; empty when they are not followed. */
  readonly pods: PodIndex;
  /** The other ends of connections; absent unless --peer.labels asks. Knows address classes even without a cluster. */
  readonly peers: Peers | undefined;
  /** Absent when there is no API server to ask. */
  readonly cluster: Cluster | undefined;
  /** Follows the pods from now on, if these labels ask for them and nothing did so far. */
  followPodsFor(labels: readonly string[]): void;
  close(): void;
}

/** The API server to ask; undefined for none. Throws a UsageError when one was demanded and there is none. */
function findServer(options: KubernetesOptions, environment: Readonly<NodeJS.ProcessEnv>): ApiServer | undefined {
  const { kubernetes: mode, kubernetesUrl, kubernetesTokenFile, kubernetesCaFile } = options;
  if (mode === "off") {
    return undefined;
  }
  const own = clusterApiServer(environment);
  const url = kubernetesUrl ?? own?.url;
  if (url === undefined) {
    if (mode === "on") {
      throw new UsageError(
        "--kubernetes.enabled on: ringtap does not run in a pod with a service account; name the API server with --kubernetes.api-url",
      );
    }
    return undefined;
  }
  // The cluster's token is for the cluster's own server: another one might keep it.
  const defaults = kubernetesUrl === undefined ? own : undefined;
  const tokenFile = kubernetesTokenFile ?? defaults?.tokenFile;
  const caFile = kubernetesCaFile ?? defaults?.caFile;
  return {
    url,
    ...(tokenFile === undefined ? {} : { tokenFile }),
    ...(caFile === undefined ? {} : { caFile }),
  };
}

/** Logs a failure when it is another than the last one, and the end of failing. */
function reportTo(log: Logger): Reporter {
  const lastReasons = new Map<string, FailureReason>();
  return {
    failed(resource, failure) {
      if (lastReasons.get(resource) !== failure.reason) {
        lastReasons.set(resource, failure.reason);
        log.warn({ resource, reason: failure.reason, err: failure }, "Kubernetes: labels may be out of date");
      }
    },
    recovered(resource) {
      lastReasons.delete(resource);
      log.info({ resource }, "Kubernetes: labels are up to date");
    },
  };
}

/** The problem when pods are asked for and the node is not known. */
const noNode = "without --kubernetes.node-name, pods are not known";

/** What is known of pods alone. */
const podLabels: readonly string[] = ["namespace", "pod", "container", "workload"];

/**
 * What identity asks for: the labels of containers, those that `kept` names of their pods included. Changes of pods apply from the next
 * turn of the event loop on.
 */
export function nameContainers(cgroups: Cgroups, pods: PodIndex, kept: readonly string[]): void {
  const labelNames = podLabelNames(kept);
  cgroups.follow({
    find(containerId, podUid) {
      const metadata = pods.find(containerId, podUid);
      if (metadata === undefined) {
        return undefined;
      }
      const { labels, ...names } = metadata;
      return { ...names, ...Object.fromEntries(labelNames.map((name, index) => [name, labels[index] ?? ""])) };
    },
  });
  let isDue = false;
  pods.onChange(() => {
    if (!isDue) {
      isDue = true;
      // Once for all pods that change at a time: it checks every group, and a list may have hundreds of pods.
      setImmediate(() => {
        isDue = false;
        cgroups.refresh();
      });
    }
  });
}

/**
 * Begins to follow, in the background, what the flags ask for; nothing waits for the API server. Throws a UsageError when flags do
 * not fit together.
 */
export function followKubernetes(
  options: KubernetesOptions & Pick<RunOptions, "labels">,
  log: Logger,
  environment: Readonly<NodeJS.ProcessEnv> = process.env,
): Kubernetes {
  const pods = new PodIndex({ labels: options.kubernetesPodLabels });
  const peers = options.peerLabels.length > 0 ? new Peers({ labels: options.peerLabels }) : undefined;
  const server = findServer(options, environment);
  if (options.kubernetes === "on" && options.kubernetesNode === undefined && peers === undefined) {
    throw new UsageError(`--kubernetes.enabled on: ${noNode}`);
  }
  const { kubernetesNode: node } = options;
  const follow: readonly Followed[] =
    peers === undefined
      ? []
      : [
          { resource: services, sink: peers.services },
          { resource: endpointSlices, sink: peers.endpointSlices },
        ];
  const cluster = server && followCluster({ server, follow, report: reportTo(log) });
  let areFollowed = false;
  const followPodsFor = (labels: readonly string[]): void => {
    const isAsked = options.kubernetesPodLabels.length > 0 || labels.some((label) => podLabels.includes(label));
    if (cluster === undefined || areFollowed || !isAsked) {
      return;
    }
    if (node === undefined) {
      log.warn(`Kubernetes: ${noNode}`);
      return;
    }
    areFollowed = true;
    cluster.follow({ resource: podsOf(node), sink: pods });
  };
  followPodsFor(options.labels);
  return { pods, peers, cluster, followPodsFor, close: () => cluster?.close() };
}
