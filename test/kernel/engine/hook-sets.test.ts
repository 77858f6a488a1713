/** Hook sets, where the kernel refuses the better one. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { attachBest } from "../../../src/engine/attach-best.js";
import { beginLoading, loadSignal, type Loaded } from "../../../src/engine/load.js";
import { RunningSignal } from "../../../src/engine/running.js";
import { Identity } from "../../../src/identity/identity.js";
import { Catalog } from "../../../src/metrics/catalog.js";
import type { AnySignal } from "../../../src/sdk/signal.js";
import { tcp } from "../../../src/signals/tcp/signal.js";
import { descriptorCount } from "../native/fixture.js";
import { startAgent } from "../support/agent.js";
import { eventually } from "../support/eventually.js";
import { buildWithoutFexit, signalsWithFexit } from "../support/hook-sets.js";
import { heldBy, leftOf } from "../support/kernel-objects.js";
import { strictLog } from "../support/loading.js";

/** The programs that no kernel lacks, under two names. */
const [, dispatched = { name: "", without: [] }] = tcp.hooks ?? [];
const twice: AnySignal = { ...tcp, hooks: [{ ...dispatched, name: "better" }, dispatched] };

/** Attaches it; of those hook sets that are named, a program is attached already, so that the kernel's answer is no. */
function attachRefused(catalog: Catalog, ...refused: readonly string[]): RunningSignal {
  return attachBest(twice, {}, (loaded: Loaded) => {
    if (refused.includes(loaded.hook.name)) {
      loaded.object.attach("tcp_destroy");
    }
    return new RunningSignal(loaded, { catalog, identity: new Identity(catalog, []), log: strictLog });
  });
}

describe("a hook set that loads and cannot be attached", () => {
  it("is followed by the next, and leaves nothing in the kernel, nor a metric", async () => {
    const before = heldBy(process.pid);
    const catalog = new Catalog();
    const { loaded } = attachRefused(catalog, "better");
    assert.equal(loaded.hook.name, dispatched.name);
    assert.deepEqual(
      loaded.refused.map(({ hook, error }) => [hook.name, error.message]),
      [["better", 'attaching program "tcp_destroy" of tcp.bpf.o: it is attached already']],
    );
    const names = [...catalog].map(({ name }) => name);
    assert.deepEqual(names, [...new Set(names)]);
    const held = [...heldBy(process.pid)].filter((object) => !before.has(object));
    loaded.close();
    await eventually(() => {
      assert.deepEqual(leftOf(new Set(held)), []);
    });
  });

  it("is an error when it is the last", () => {
    const catalog = new Catalog();
    assert.throws(
      () => attachRefused(catalog, "better", dispatched.name),
      ({ message, cause }: Error) =>
        message === `attaching signal tcp: ${dispatched.name}` &&
        (cause as Error).message.endsWith("it is attached already"),
    );
    assert.deepEqual(
      [...catalog].map(({ name }) => name).filter((name) => name.startsWith("ringtap_tcp")),
      [],
    );
  });
});

/** What came of a load: the hook set and what was refused before, or the error. */
function outcomeOf(load: () => Loaded): readonly string[] {
  try {
    const loaded = load();
    loaded.close();
    return [loaded.hook.name, ...loaded.refused.map(({ error }) => error.message)];
  } catch (error) {
    return [(error as Error).message];
  }
}

describe("signals whose loads were begun in other threads", () => {
  it("end as if they were loaded one after the other", () => {
    const lacking = { ...dispatched, name: "lacking", without: [...dispatched.without, "connections"] };
    const signals: readonly AnySignal[] = [
      { ...tcp, hooks: [lacking, dispatched] },
      { ...tcp, hooks: [lacking] },
      {
        ...tcp,
        setup: () => {
          throw new Error("no setup");
        },
      },
      { ...tcp, hooks: [dispatched] },
    ];
    const before = descriptorCount();
    const outcomes = signals.map((signal) => outcomeOf(() => loadSignal(signal)));
    const begun = signals.map((signal) => beginLoading(signal, {}));
    assert.deepEqual(begun.map(outcomeOf), outcomes);
    assert.match(outcomes[0]?.[1] ?? "", /^loading tcp\.bpf\.o: program "tcp_\w+": /u);
    assert.deepEqual(
      outcomes.map(([first]) => first?.split(":")[0]),
      [dispatched.name, "loading signal tcp", "signal tcp", dispatched.name],
    );
    assert.equal(descriptorCount(), before);
  });
});

it("tcp and file come without fexit", async (t) => {
  const agent = await startAgent(t, ["--signals=tcp,file"], buildWithoutFexit(t));
  const ready = await (await agent.get("/readyz")).text();
  for (const signal of signalsWithFexit) {
    assert.match(ready, new RegExp(`^${signal}: up \\(tp_btf\\)$`, "m"));
  }
});

it("programs of sections that a hook set does without are left out", () => {
  const loaded = loadSignal({ ...tcp, hooks: [dispatched] });
  loaded.close();
  const { attachable } = loaded;
  assert(attachable.includes("tcp_sys_exit"));
  assert.deepEqual(
    attachable.filter((name) => name === "tcp_graft" || name === "tcp_connect"),
    [],
  );
});
