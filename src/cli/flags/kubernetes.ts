/** The flags of what Kubernetes knows: pods, and the peers of connections. */
import { apiUrl, nodeName, podLabel, readableFile } from "./values.js";
import { list, optional, single } from "../../sdk/flags.js";
import { oneOf } from "../../sdk/flag-values.js";

/** When the API server is asked. */
const kubernetesModes = ["auto", "on", "off"] as const;

/** Labels that say who is at the other end of a connection. */
const peerLabels = ["peer_service", "peer_namespace"] as const;

/** Where the pods of this node are known. */
export const podFlags = {
  kubernetes: single(
    "kubernetes.enabled",
    "<mode>",
    "ask the Kubernetes API server for pods: auto (in a pod, or with --kubernetes.api-url), on, off",
    "auto",
    oneOf(kubernetesModes),
  ),
  /** Whose pods are followed. */
  kubernetesNode: optional(
    "kubernetes.node-name",
    "<name>",
    "this node's name in Kubernetes; without it no pods are known",
    nodeName,
  ),
  kubernetesUrl: optional("kubernetes.api-url", "<url>", "the API server, instead of the cluster's own", apiUrl),
  kubernetesTokenFile: optional(
    "kubernetes.token-file",
    "<file>",
    "bearer token for it, instead of the service account's",
    readableFile,
  ),
  kubernetesCaFile: optional(
    "kubernetes.ca-file",
    "<file>",
    "PEM certificates that its own is verified with, instead of the service account's",
    readableFile,
  ),
};

export const kubernetesFlags = {
  ...podFlags,
  /** Names of pod labels. */
  kubernetesPodLabels: list("kubernetes.pod-labels", "<label,...>", "pod labels to keep for series", "", podLabel),
  /** Empty: peers are not looked up. */
  peerLabels: list(
    "peer.labels",
    "<label,...>",
    `labels for the other end of TCP connections and UDP datagrams: ${peerLabels.join(", ")}`,
    "",
    oneOf(peerLabels),
  ),
};
