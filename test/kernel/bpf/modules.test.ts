/** Tracepoints of the kernel's modules, against what the kernel's own tracing and the module's own table show. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";

import { type Num, type Text, tracepoint } from "../../../src/bpf/index.js";
import { kernelDeclarations, runningKernel } from "../../../src/cli/bpf/types.js";
import { loadSignal } from "../../../src/engine/load.js";
import { at, attach } from "../support/built-signal.js";
import { onlyCapabilities, runRingtap } from "../support/ringtap.js";

const event = "cache_entry_update";

/** No user of note, with what ringtap needs. */
const withBpfAlone = [
  "setpriv",
  "--reuid=65534",
  "--clear-groups",
  ...onlyCapabilities("dac_read_search", "bpf", "perfmon"),
];

/** Updates an entry of a cache that the module sunrpc has for whoever mounts what this machine exports (net/sunrpc/svcauth_unix.c). */
function updateEntries(times: number): void {
  for (let time = 0; time < times; time++) {
    writeFileSync("/proc/net/rpc/auth.unix.ip/channel", `nfsd 127.0.0.${time + 1} 2147483647 ringtap\n`);
  }
}

/** How many of those entries the module's table has. */
function entriesThere(): number {
  const lines = readFileSync("/proc/net/rpc/auth.unix.ip/content", "utf8").split("\n");
  return lines.filter((line) => /^nfsd 127\.0\.0\.\d+ ringtap$/.test(line)).length;
}

/** A kernel that is locked down to confidentiality lets no one read its tracing (security/lockdown/lockdown.c). */
function isTracingReadable(): boolean {
  const path = "/sys/kernel/security/lockdown";
  return !(existsSync(path) && readFileSync(path, "utf8").includes("[confidentiality]"));
}

/** Has the kernel's own tracing show the event while `work` is done; how often it does. */
function traced(work: () => void): number {
  const tracing = "/sys/kernel/tracing";
  const enable = `${tracing}/events/sunrpc/${event}/enable`;
  writeFileSync(`${tracing}/trace`, "");
  writeFileSync(enable, "1");
  try {
    work();
    return readFileSync(`${tracing}/trace`, "utf8").split(` ${event}: `).length - 1;
  } finally {
    writeFileSync(enable, "0");
  }
}

describe("tracepoints of modules", () => {
  it("of one that is not loaded leave the signal out, with a line that says what to do", () => {
    const signal = tracepoint("no_such-module:its_event", (e) => ({
      name: "its",
      count: { by: { a: at<Num>(e, "a") } },
    }));
    assert.throws(
      () => loadSignal(signal),
      /the tracepoint no_such-module:its_event: there are no types of a module no_such_module in \/sys\/kernel\/btf.*: load it first \(modprobe no_such_module; /,
    );
  });

  const hasModule = spawnSync("modprobe", ["sunrpc"]).status === 0 && existsSync("/sys/kernel/btf/sunrpc");

  it("count as the kernel's own tracing does, with fields of the module's structs", async (t) => {
    if (!hasModule) {
      t.skip("no module sunrpc with types");
      return;
    }
    const signal = tracepoint(`sunrpc:${event}`, (e, h) => ({
      name: "updates",
      count: {
        by: { comm: h.comm, cache: at<Text>(e, "cd", "name") },
        sum: { buckets: at<Num>(e, "cd", "hash_size") },
      },
    }));
    const built = attach(t, signal);
    const times = 40;
    if (isTracingReadable()) {
      const shown = traced(() => {
        updateEntries(times);
      });
      assert.equal(shown, times);
    } else {
      t.diagnostic("the kernel's tracing cannot be read under confidentiality: compared with the module's table alone");
      updateEntries(times);
    }
    // Each entry is written once, which is one event (sunrpc_cache_update() of net/sunrpc/cache.c).
    assert.equal(entriesThere(), times);
    const [series, ...others] = await built.series("updates_total");
    assert.deepEqual([series, others], [[{ comm: "node", cache: "auth.unix.ip" }, times], []]);
    const [[, buckets] = []] = await built.series("updates_buckets_total");
    // IP_HASHMAX of net/sunrpc/svcauth_unix.c.
    assert.equal(buckets, times * 256);
  });

  it("have their types among those of the kernel where they are asked for", async (t) => {
    if (!hasModule) {
      const { status, stderr } = await runRingtap(t, ["bpf", "types", "--modules=no_such"]);
      assert.equal(status, 2);
      assert.match(stderr, /^ringtap: --modules "no_such": there are no types of a module no_such in .*\n$/);
      return;
    }
    const text = kernelDeclarations([runningKernel], ["sunrpc"]);
    assert.match(text, /^"sunrpc:cache_entry_update":\{cd:cache_detail;h:cache_head\}/m);
    assert.match(text, /^interface cache_detail\{.*\bhash_size:N;/m);
  });

  it("are asked for with their module, and by programs with CAP_SYS_ADMIN", (t) => {
    if (!hasModule) {
      t.skip("no module sunrpc with types");
      return;
    }
    const refused = (name: string): string => {
      const { object } = tracepoint(name, (e) => ({ name: "its", count: { by: { a: at<Num>(e, "a") } } }));
      try {
        (object as () => Uint8Array)();
      } catch (error) {
        return (error as Error).message;
      }
      return "";
    };
    assert.equal(
      refused(event),
      "this kernel has no tracepoint cache_entry_update; its module sunrpc has: sunrpc:cache_entry_update",
    );
    assert.equal(
      refused("sunrpc:cache_entry_updat"),
      'the module sunrpc has no tracepoint cache_entry_updat (did you mean "cache_entry_update"?)',
    );
    const script = `import { tracepoint } from ${JSON.stringify(new URL("../../../src/bpf/index.js", import.meta.url))};
      tracepoint("sunrpc:${event}", () => ({ name: "its", count: {} })).object();`;
    const [setpriv, ...args] = [...withBpfAlone, process.execPath, "--input-type=module", "--eval", script];
    const { stderr } = spawnSync(setpriv, args, { encoding: "utf8" });
    assert.match(
      stderr,
      /KernelError: the tracepoint sunrpc:cache_entry_update: it is one of the module sunrpc, whose/,
    );
    assert.match(stderr, /to no program without CAP_SYS_ADMIN: add that capability/);
  });
});
