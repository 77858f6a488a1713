import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { readCgroupPath } from "../../src/identity/cgroup-path.js";

const id = "0123456789abcdef".repeat(4);
const outer = "fedcba9876543210".repeat(4);
const uid = "1c9f5a0e-7a53-4b6a-9c3e-5d2f8e7b6a01";
const slice = `kubepods-burstable-pod${uid.replaceAll("-", "_")}.slice`;

/** Paths as runtimes make them, and what they tell. */
const places: readonly [what: string, path: string, place: Partial<ReturnType<typeof readCgroupPath>>][] = [
  ["the root", "/", {}],
  ["systemd itself", "/init.scope", { unit: "init.scope" }],
  ["a service", "/system.slice/nginx.service", { unit: "nginx.service" }],
  ["a template's instance", "/system.slice/system-getty.slice/getty@tty1.service", { unit: "getty@tty1.service" }],
  ["a group within a service", "/system.slice/ssh.service/worker", { unit: "ssh.service" }],
  [
    "an escaped unit",
    String.raw`/system.slice/dev-disk-by\x2dlabel.swap`,
    { unit: String.raw`dev-disk-by\x2dlabel.swap` },
  ],
  ["a session", "/user.slice/user-1000.slice/session-3.scope", { unit: "session-3.scope" }],
  [
    "a user's service",
    "/user.slice/user-1000.slice/user@1000.service/app.slice/foo.service",
    { unit: "user@1000.service" },
  ],
  ["Docker, cgroupfs", `/docker/${id}`, { containerId: id }],
  ["Docker, systemd", `/system.slice/docker-${id}.scope`, { containerId: id }],
  ["Podman, root", `/machine.slice/libpod-${id}.scope/container`, { containerId: id }],
  [
    "Podman, rootless",
    `/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${id}.scope/container`,
    { containerId: id, unit: "user@1000.service" },
  ],
  ["Podman, cgroupfs", `/libpod_parent/libpod-${id}`, { containerId: id }],
  [
    "Podman, in a pod",
    `/machine.slice/machine-libpod_pod_${outer}.slice/libpod-${id}.scope/container`,
    { containerId: id },
  ],
  [
    "Podman, a Quadlet or --cgroups=split",
    `/system.slice/web.service/libpod-payload-${id}`,
    { containerId: id, unit: "web.service" },
  ],
  [
    "Podman, a user's Quadlet",
    `/user.slice/user-1000.slice/user@1000.service/app.slice/web.service/libpod-payload-${id}`,
    { containerId: id, unit: "user@1000.service" },
  ],
  ["a Quadlet's monitor", "/system.slice/web.service/runtime", { unit: "web.service" }],
  ["Podman's monitor", `/machine.slice/libpod-conmon-${id}.scope`, { unit: `libpod-conmon-${id}.scope` }],
  [
    "Docker, rootless",
    `/user.slice/user-1000.slice/user@1000.service/user.slice/docker-${id}.scope`,
    { containerId: id, unit: "user@1000.service" },
  ],
  ["Docker on ECS", `/ecs/0123456789abcdef0123456789abcdef/${id}`, { containerId: id }],
  ["systemd-nspawn", "/machine.slice/machine-web.scope/payload/init.scope", { unit: "machine-web.scope" }],
  [
    "systemd-nspawn, a service",
    "/machine.slice/systemd-nspawn@web.service/payload/system.slice/nginx.service",
    { unit: "systemd-nspawn@web.service" },
  ],
  ["nerdctl", `/system.slice/nerdctl-${id}.scope`, { containerId: id }],
  ["Kubernetes, cgroupfs", `/kubepods/burstable/pod${uid}/${id}`, { containerId: id, podUid: uid }],
  ["Kubernetes, guaranteed", `/kubepods/pod${uid}/${id}`, { containerId: id, podUid: uid }],
  [
    "Kubernetes, a static pod",
    `/kubepods/burstable/pod${id.slice(0, 32)}/${id}`,
    { containerId: id, podUid: id.slice(0, 32) },
  ],
  [
    "Kubernetes, containerd, systemd",
    `/kubepods.slice/kubepods-burstable.slice/${slice}/cri-containerd-${id}.scope`,
    { containerId: id, podUid: uid },
  ],
  [
    "Kubernetes, CRI-O, systemd",
    `/kubepods.slice/kubepods-burstable.slice/${slice}/crio-${id}.scope/container`,
    { containerId: id, podUid: uid },
  ],
  ["CRI-O, cgroupfs", `/kubepods/besteffort/pod${uid}/crio-${id}`, { containerId: id, podUid: uid }],
  [
    "CRI-O's monitor",
    `/kubepods.slice/${slice}/crio-conmon-${id}.scope`,
    { podUid: uid, unit: `crio-conmon-${id}.scope` },
  ],
  [
    "containerd without SystemdCgroup",
    `/system.slice/containerd.service/${slice}:cri-containerd:${id}`,
    { containerId: id, podUid: uid, unit: "containerd.service" },
  ],
  ["the same on version 1", `/${slice}:cri-containerd:${id}`, { containerId: id, podUid: uid }],
  [
    "Kubernetes, systemd in a container",
    `/kubepods.slice/kubepods-pod${uid.replaceAll("-", "_")}.slice/cri-containerd-${id}.scope/system.slice/nginx.service`,
    { containerId: id, podUid: uid },
  ],
  [
    "a kubelet with --cgroup-root=/k8s",
    `/k8s.slice/k8s-kubepods.slice/k8s-kubepods-burstable.slice/k8s-${slice}/crio-${id}.scope`,
    { containerId: id, podUid: uid },
  ],
  ["a sandbox of Kata", `/kubepods/besteffort/pod${uid}/kata_${id}`, { podUid: uid }],
  [
    "minikube in Docker, cgroupfs",
    `/docker/${outer}/kubelet/kubepods/burstable/pod${uid}/${id}`,
    { containerId: id, podUid: uid },
  ],
  ["a node's agent of Talos", "/podruntime/kubelet", {}],
  ["k3s itself", "/system.slice/k3s.service", { unit: "k3s.service" }],
  [
    "kind: a pod in a node in Docker",
    `/system.slice/docker-${outer}.scope/kubelet.slice/kubelet-kubepods.slice/kubelet-${slice}/cri-containerd-${id}.scope`,
    { containerId: id, podUid: uid },
  ],
  ["the node's own services in kind", `/docker/${outer}/kubelet.slice/kubelet.service`, { containerId: outer }],
  ["systemd within a container", `/docker/${id}/system.slice/nginx.service`, { containerId: id }],
  ["LXC", "/lxc.payload.web", { container: "web" }],
  ["LXC before 4", "/lxc/web/system.slice/nginx.service", { container: "web" }],
  ["LXC's monitor", "/lxc.monitor.web", {}],
  ["Docker within LXC", `/lxc.payload.web/docker/${id}`, { containerId: id }],
  ["LXC within Docker", `/docker/${id}/lxc.payload.web`, { container: "web" }],
  ["runc, by hand", `/${id}`, { containerId: id }],
  ["digits that are no id", `/docker/${id}0`, {}],
  ["a hostile name", `/kubepods/pod${uid}\n/x"`, {}],
];

describe("the path of a control group", () => {
  for (const [what, path, place] of places) {
    it(`tells: ${what}`, () => {
      assert.deepEqual(readCgroupPath(path), { unit: "", containerId: "", container: "", podUid: "", ...place });
    });
  }
});
