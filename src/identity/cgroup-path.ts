/** What the path of a control group says: container runtimes, Kubernetes and systemd each have their ways of naming them. */

/** What a path tells of the processes below it; empty where it says nothing. */
export interface CgroupPlace {
  /** The systemd unit, as `ps -o unit` shows it; none for a scope that is a container's. */
  readonly unit: string;
  /** The id that the runtime gave the container, 64 hexadecimal digits. */
  readonly containerId: string;
  /** The container's name, where the path has it: LXC's and LXD's. */
  readonly container: string;
  /** The uid of the pod in Kubernetes; a hash for a static pod. */
  readonly podUid: string;
}

const id = "(?<id>[0-9a-f]{64})";

/** Parts of a path that are a container's, with its id. */
const containerParts = [
  // cgroupfs driver: Docker's /docker/<id>, containerd's and CRI-O's /kubepods/…/<id>, CRI-O's crio-<id>. Podman's libpod-payload-<id>
  // lies in the unit that runs it, a Quadlet's or another's with --cgroups=split.
  new RegExp(`^(?:crio-|libpod-(?:payload-)?)?${id}$`),
  // systemd driver: docker-, cri-containerd-, crio-, libpod-, nerdctl-<id>.scope; CRI-O's and Podman's monitors are no containers.
  new RegExp(`^(?![a-z]+-conmon-)[a-z-]+-${id}\\.scope$`),
  // containerd without SystemdCgroup under a kubelet with the systemd driver: <slice>:cri-containerd:<id>.
  new RegExp(`^[^:]+:[a-z-]+:${id}$`),
];

/** LXC ≥ 4 and LXD; the monitor, which runs outside, is `lxc.monitor.<name>`. */
const lxcPart = /^lxc\.payload\.(?<name>.+)$/;

/**
 * pod<uid> or …-pod<uid>.slice, where systemd has dashes for slices within slices, so that the uid's become underscores; before it
 * the kubelet's --cgroup-root, after it what containerd adds without SystemdCgroup.
 */
const podPart =
  /^(?:(?:.+-)?kubepods(?:-[a-z]+)?-)?pod(?<uid>[0-9a-f]{32}|[0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12})(?:\.slice(?::.+)?)?$/;

/** Units that have processes of their own. */
const unitPart = /\.(?:service|scope|socket|mount|swap)$/;

function containerIdOf(part: string): string {
  for (const pattern of containerParts) {
    const found = pattern.exec(part)?.groups?.id;
    if (found !== undefined) {
      return found;
    }
  }
  return "";
}

/** The systemd unit of a path's parts: below any slices, the first part. */
function unitOf(parts: readonly string[]): string {
  const part = parts.find((name) => !name.endsWith(".slice")) ?? "";
  return unitPart.test(part) && containerIdOf(part) === "" ? part : "";
}

/**
 * Reads a control group's path, seen from the root of its hierarchy. Where containers lie within containers (Docker in Docker,
 * kind), the innermost counts; of a unit within a container nothing is said.
 */
export function readCgroupPath(path: string): CgroupPlace {
  const parts = path.split("/").filter((part) => part !== "");
  let [containerId, container, podUid] = ["", "", ""];
  parts.forEach((part, index) => {
    const found = containerIdOf(part);
    const lxc = lxcPart.exec(part)?.groups?.name ?? (parts[index - 1] === "lxc" && index === 1 ? part : "");
    if (found !== "") {
      containerId = found;
      container = "";
    } else if (lxc !== "") {
      [containerId, container] = ["", lxc];
    }
    podUid = podPart.exec(part)?.groups?.uid?.replaceAll("_", "-") ?? podUid;
  });
  return { unit: unitOf(parts), containerId, container, podUid };
}
