/** What is kept of a pod. */
import { listAt, textAt } from "../client/json-path.js";
import { workloadOf } from "./workload.js";

/** What series may say of a pod. */
export interface PodMetadata {
  readonly namespace: string;
  readonly pod: string;
  /** As kubectl takes it: `deployment/checkout`. */
  readonly workload: string;
  /** The values of the labels of the allow-list, in its order; "" for one that the pod does not have. */
  readonly labels: readonly string[];
}

/** A pod, reduced to what is asked for. */
export interface Pod {
  readonly metadata: PodMetadata;
  /** What its control group may be called by: its uid, and for a static pod what its node's kubelet calls it. */
  readonly uids: readonly string[];
  /** Names by container id, without the runtime: 64 hexadecimal digits as a rule. */
  readonly containers: ReadonlyMap<string, string>;
}

/** Where a status lists containers. */
const statusLists = ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"] as const;

/** Where a container's status has an id: the one it runs under, and those it has ended under. */
const idPaths = [["containerID"], ["state", "terminated", "containerID"], ["lastState", "terminated", "containerID"]];

/**
 * The API knows a static pod by a mirror that the kubelet makes of it, with a uid of its own. The kubelet itself, and the control
 * group, go by a hash of the manifest, which the mirror carries in these (kubernetes/kubernetes, pkg/kubelet/types/pod_update.go).
 */
const mirrorAnnotations = ["kubernetes.io/config.hash", "kubernetes.io/config.mirror"];

function containersOf(pod: unknown): Map<string, string> {
  const containers = new Map<string, string>();
  for (const status of statusLists.flatMap((list) => listAt(pod, "status", list))) {
    for (const path of idPaths) {
      // <runtime>://<id>
      const [, id] = textAt(status, ...path).split("://");
      if (id !== undefined && id !== "") {
        containers.set(id, textAt(status, "name"));
      }
    }
  }
  return containers;
}

/** Reduces a pod of the API; `uid` is its own, `labels` the allow-list. */
export function readPod(uid: string, pod: unknown, labels: readonly string[]): Pod {
  const mirrored = mirrorAnnotations.map((name) => textAt(pod, "metadata", "annotations", name));
  return {
    metadata: {
      namespace: textAt(pod, "metadata", "namespace"),
      pod: textAt(pod, "metadata", "name"),
      workload: workloadOf(pod),
      labels: labels.map((name) => textAt(pod, "metadata", "labels", name)),
    },
    uids: [...new Set([uid, ...mirrored.filter((name) => name !== "")])],
    containers: containersOf(pod),
  };
}

/** The names under which series show pod labels: `label_app_kubernetes_io_name` for `app.kubernetes.io/name`, as kube-state-metrics does. */
export function podLabelNames(labels: readonly string[]): readonly string[] {
  return labels.map((label) => `label_${label.replace(/\W/g, "_")}`);
}
