/** The workload of a pod, read from the pod itself. */
import { at, listAt, textAt } from "../client/json-path.js";

/**
 * The Deployment controller names a ReplicaSet `<deployment>-<hash>` and labels its pods with the hash
 * (kubernetes/kubernetes, pkg/controller/deployment/sync.go: getNewReplicaSet).
 */
const hashLabel = "pod-template-hash";

/**
 * The CronJob controller names a Job `<cronjob>-<minute>`, the minute it was due since 1970 (kubernetes/kubernetes,
 * pkg/controller/cronjob/utils.go: getJobName). Minutes have eight digits; below 25,000,000 (the year 2017) it is rather a date that
 * a user has put into the name of a Job.
 */
const scheduled = /^(.+)-(\d{8})$/;
const firstMinute = 25_000_000;

/**
 * The workload of a pod, as kubectl takes it: `deployment/checkout`, `statefulset/db`, `daemonset/proxy`, `cronjob/backup`,
 * `job/migrate`, or any other kind of owner in lower case. A pod that nothing owns, or only its node as with a static pod,
 * is its own: `pod/<name>`.
 */
export function workloadOf(pod: unknown): string {
  const owner = listAt(pod, "metadata", "ownerReferences").find((reference) => at(reference, "controller") === true);
  const kind = textAt(owner, "kind");
  const name = textAt(owner, "name");
  if (kind === "" || kind === "Node") {
    return `pod/${textAt(pod, "metadata", "name")}`;
  }
  if (kind === "ReplicaSet") {
    const suffix = `-${textAt(pod, "metadata", "labels", hashLabel)}`;
    return suffix !== "-" && name.endsWith(suffix)
      ? `deployment/${name.slice(0, -suffix.length)}`
      : `replicaset/${name}`;
  }
  if (kind === "Job") {
    const [, cronJob = "", minute = ""] = scheduled.exec(name) ?? [];
    return Number(minute) >= firstMinute ? `cronjob/${cronJob}` : `job/${name}`;
  }
  return `${kind.toLowerCase()}/${name}`;
}
