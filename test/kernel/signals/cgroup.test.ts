/** cgroup, and the labels that come of it: groups as runtimes name them, and containers that runc runs. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { renameSync } from "node:fs";
import { basename, dirname } from "node:path";
import { before, describe, it } from "node:test";

import { type Agent, startAgent, unlimitedSeries } from "../support/agent.js";
import { type ControlGroup, controlGroup, hierarchy, podPath } from "../support/cgroups.js";
import { startContainer } from "../support/containers.js";
import { compileProgram, programSource, runProgram } from "../support/program.js";
import { startRingtap } from "../support/ringtap.js";
import { type Samples, sum } from "../support/samples.js";
import { type Scope, suiteScope } from "../support/scope.js";
import { startWaiting } from "../support/waiting.js";

const source = programSource("two-stints");
const stint = { opens: 7, calls: 100 };
const nothing = { opens: 0, calls: 0 };
const labels = "--labels=comm,cgroup,unit,container_id,container";

let program = "";

before(() => {
  program = compileProgram("two-stints", source, ["-static"]);
});

function newId(): string {
  return randomBytes(32).toString("hex");
}

/** What was counted of the program with these labels. */
function work(samples: Samples, wanted: Readonly<Record<string, string>>): typeof stint {
  const one = { comm: "two-stints", ...wanted };
  return {
    opens: sum(samples, "ringtap_file_opens_total", { ...one, result: "ENOENT" }),
    calls: sum(samples, "ringtap_syscalls_total", { ...one, syscall: "getppid" }),
  };
}

/** A path below `/<above>` of so many parts. */
function deepPath(above: string, depth: number): string {
  return [above, ...Array.from({ length: depth - 1 }, (_, index) => `d${index}`)].join("/");
}

async function runIn(scope: Scope, group: ControlGroup): Promise<void> {
  const waiting = await startWaiting(scope, program, ["once"]);
  group.enter(waiting.pid);
  await waiting.go();
}

for (const [name, mount] of [
  ["unified", "cgroup2"],
  ["pids", "pids"],
] as const) {
  describe(`containers by the hierarchy ${name}`, () => {
    const scope = suiteScope();
    const earlier = newId();
    let root = "";
    let agent: Agent;
    let old: ControlGroup;
    let born: ControlGroup;
    const bornEarlier = newId();
    const bornAbove = `ringtap-born-${process.pid}`;
    const nested = [50, 64].map((depth) => deepPath(`ringtap-deep-${depth}-${process.pid}`, depth));
    const nestedTooDeeply = deepPath(`ringtap-deep-100-${process.pid}`, 100);

    before(async () => {
      root = hierarchy(mount);
      old = controlGroup(scope, root, podPath(earlier));
      born = controlGroup(scope, root, `${bornAbove}/docker-${bornEarlier}.scope`);
      for (const path of [...nested, nestedTooDeeply]) {
        controlGroup(scope, root, path);
      }
      const signals = "--signals=file,syscall,cgroup";
      agent = await startAgent(scope, [signals, labels, `--cgroup.hierarchy=${name}`, ...unlimitedSeries]);
    });

    it("knows one that is made while it runs", async (t) => {
      const id = newId();
      const path = podPath(id);
      await runIn(t, controlGroup(t, root, path));
      const samples = await agent.scrape();
      assert.deepEqual(work(samples, { container_id: id.slice(0, 12) }), stint);
      assert.deepEqual(work(samples, { cgroup: `/${path}` }), stint);
    });

    it("knows one that was there before", async (t) => {
      await runIn(t, old);
      assert.deepEqual(work(await agent.scrape(), { container_id: earlier.slice(0, 12) }), stint);
    });

    it("knows a short-lived one that is gone when it is asked", async (t) => {
      const ids = Array.from({ length: 20 }, newId);
      for (const id of ids) {
        const group = controlGroup(t, root, podPath(id));
        await runIn(t, group);
        await group.remove();
      }
      const samples = await agent.scrape();
      for (const id of ids) {
        assert.deepEqual(work(samples, { container_id: id.slice(0, 12) }), stint);
      }
    });

    it("counts a process where it is, before and after it is moved", async (t) => {
      const [from, to] = [newId(), newId()];
      const places = [from, to].map((id) => controlGroup(t, root, podPath(id)));
      const waiting = await startWaiting(t, program);
      places[0]?.enter(waiting.pid);
      places[1]?.enter(waiting.pid);
      await waiting.go();
      const samples = await agent.scrape();
      assert.deepEqual(work(samples, { container_id: from.slice(0, 12) }), nothing);
      assert.equal(work(samples, { container_id: to.slice(0, 12) }).opens, stint.opens);
    });

    it("counts a process where it is moved to after its first thread has exited", async (t) => {
      const id = newId();
      const waiting = await startWaiting(t, program, ["leaderless"]);
      controlGroup(t, root, podPath(id)).enter(waiting.pid);
      await waiting.go();
      assert.deepEqual(work(await agent.scrape(), { container_id: id.slice(0, 12) }), stint);
    });

    it("knows the whole path of one that is nested deeply, older than the agent or not", async (t) => {
      for (const path of nested) {
        await runIn(t, controlGroup(t, root, path));
        assert.deepEqual(work(await agent.scrape(), { cgroup: `/${path}` }), stint);
      }
      const later = deepPath(`ringtap-later-${process.pid}`, 64);
      await runIn(t, controlGroup(t, root, later));
      assert.deepEqual(work(await agent.scrape(), { cgroup: `/${later}` }), stint);
    });

    it("has the first 64 parts of a path, and of one that is older than the agent the last 64", async (t) => {
      await runIn(t, controlGroup(t, root, nestedTooDeeply));
      const end = nestedTooDeeply.split("/").slice(-64).join("/");
      assert.deepEqual(work(await agent.scrape(), { cgroup: `/~/${end}` }), stint);
      const later = deepPath(`ringtap-much-later-${process.pid}`, 100);
      await runIn(t, controlGroup(t, root, later));
      const beginning = later.split("/").slice(0, 64).join("/");
      assert.deepEqual(work(await agent.scrape(), { cgroup: `/${beginning}/~` }), stint);
    });

    it("tells a service by its unit", async (t) => {
      const unit = `ringtap-test-${process.pid}.service`;
      await runIn(t, controlGroup(t, root, `system.slice/${unit}`));
      assert.deepEqual(work(await agent.scrape(), { unit }), stint);
    });

    if (mount === "cgroup2") {
      it("labels from its first event on what is born into a group, also one that was empty before the agent", async (t) => {
        await runProgram(program, ["into", born.folder]);
        const id = newId();
        await runProgram(program, ["into", controlGroup(t, root, `${bornAbove}/docker-${id}.scope`).folder]);
        const samples = await agent.scrape();
        assert.deepEqual(work(samples, { container_id: bornEarlier.slice(0, 12) }), stint);
        assert.deepEqual(work(samples, { container_id: id.slice(0, 12) }), stint);
      });
    } else {
      it("follows one that is renamed, with those in it", async (t) => {
        const group = controlGroup(t, root, `ringtap-before-${process.pid}/inner`);
        const [before, after] = [dirname(group.folder), `${root}/ringtap-after-${process.pid}`];
        const waiting = await startWaiting(t, program);
        group.enter(waiting.pid);
        await agent.scrape();
        renameSync(before, after);
        try {
          await agent.scrape();
          await waiting.go();
          const cgroup = `/${basename(after)}/inner`;
          assert.deepEqual(work(await agent.scrape(), { cgroup }).opens, stint.opens);
        } finally {
          // Under this name it is removed.
          renameSync(after, before);
        }
      });
    }

    it("counts every group that is made and removed, once", async (t) => {
      const total = (samples: Samples, what: string): number =>
        sum(samples, `ringtap_cgroup_${what}_total`, { comm: "node" });
      const first = await agent.scrape();
      const top = controlGroup(t, root, `ringtap-count-${process.pid}`);
      const groups = Array.from({ length: 100 }, (_, index) =>
        controlGroup(t, root, `ringtap-count-${process.pid}/${index}`),
      );
      for (const group of [...groups, top]) {
        await group.remove();
      }
      const last = await agent.scrape();
      assert.equal(total(last, "creates") - total(first, "creates"), 101);
      assert.equal(total(last, "removes") - total(first, "removes"), 101);
    });
  });
}

describe("a container that runc runs", () => {
  it("is known by its id, though its processes have other pids inside", async (t) => {
    const agent = await startAgent(t, ["--signals=file,syscall", labels]);
    const id = newId();
    const container = await startContainer(t, { id, program });
    await container.go();
    const { opens, calls } = work(await agent.scrape(), { container_id: id.slice(0, 12) });
    assert.equal(opens, 2 * stint.opens);
    // Counted by process in the kernel: what runc calls before it becomes the program is the program's.
    assert(calls >= 2 * stint.calls);
  });
});

describe("trace cgroup", () => {
  it("shows groups as they come and go", async (t) => {
    const trace = startRingtap(t, ["trace", "cgroup", "--output=json", "--cgroup.hierarchy=unified"]);
    await trace.said(/tracing/);
    const name = `ringtap "trace" ${process.pid}`;
    const group = controlGroup(t, hierarchy("cgroup2"), name);
    await group.remove();
    await trace.stop();
    const records = trace.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter((record) => record.name === name)
      .map(({ event, id, comm }) => ({ event, id, comm }));
    assert.deepEqual(records, [
      { event: "create", id: group.id, comm: "node" },
      { event: "remove", id: group.id, comm: "node" },
    ]);
  });
});
