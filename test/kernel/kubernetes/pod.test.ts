/** The pod that the chart renders is enough for the agent: run by runc with its capabilities, namespaces and mounts. */
import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { test } from "node:test";

import { chooseHierarchy } from "../../../src/host/cgroup-hierarchy.js";
import { defaultNames } from "../../../src/engine/signal-set.js";
import { signals } from "../../../src/signals/index.js";
import { only, render } from "../../deploy/chart.js";
import { controlGroup, hierarchy } from "../support/cgroups.js";
import { startContainer } from "../support/container.js";
import { eventually } from "../support/eventually.js";
import { networkNamespace } from "../support/network.js";
import { compileProgram } from "../support/program.js";
import { parseSamples, sum } from "../support/samples.js";
import { startWaiting } from "../support/waiting.js";

/** Runs before the agent does, and then makes 1000 calls of a kind that few make. */
const source = `
#include <stdio.h>
#include <unistd.h>
int main(void)
{
	puts("ready");
	fflush(stdout);
	while (getchar() != EOF)
		;
	for (int i = 0; i < 1000; i++)
		getsid(0);
	return 0;
}`;

/** Run inside the container's network: writes those lines of a page that have a text in them. */
const fetchLines = `
const [url, part] = process.argv.slice(1);
const page = fetch(url).then((answer) => answer.text());
page.then((text) => console.log(text.split("\\n").filter((line) => line.includes(part)).join("\\n")));`;

test("the agent counts in the chart's pod what was there before it", async (context) => {
  const program = await startWaiting(context, compileProgram("rt-pod", source));
  const id = randomBytes(32).toString("hex");
  const mount = hierarchy(chooseHierarchy("auto") === "unified" ? "cgroup2" : "pids");
  controlGroup(context, mount, `kubepods/besteffort/pod${randomUUID()}/${id}`).enter(program.pid);

  const labels = ["comm", "container_id", "namespace", "pod", "container"];
  const objects = render({ config: { labels } });
  const { spec: pod } = only(objects, "DaemonSet").spec.template;
  const network = networkNamespace(context);
  const log = startContainer(context, { pod, network, configuration: only(objects, "ConfigMap").data });
  await eventually(() => assert.match(log(), /serving metrics/));
  const lines = (path: string, part: string): readonly string[] =>
    network.run(process.execPath, "-e", fetchLines, `http://127.0.0.1:19435${path}`, part).trim().split("\n");
  const readiness = lines("/readyz", ":");
  assert.deepEqual(
    readiness.filter((line) => !line.includes(": up (")),
    [],
  );
  assert.equal(readiness.length, defaultNames(signals).length);

  const [, kernel, agent] = /memory at most" kernel=(\d+)MiB agent=(\d+)MiB/.exec(log()) ?? [];
  const limit = Number.parseInt(pod.containers[0].resources.limits.memory);
  assert(Number(kernel) + Number(agent) <= limit, `it may take ${kernel} MiB and ${agent} MiB, more than ${limit} MiB`);

  await program.go();
  const series = { comm: "rt-pod", container_id: id.slice(0, 12), syscall: "getsid" };
  assert.equal(sum(parseSamples(lines("/metrics", "rt-pod").join("\n")), "ringtap_syscalls_total", series), 1000);
});
