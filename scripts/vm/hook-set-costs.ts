/**
 * What tcp and file, and l7, add to system calls by each of their hook sets, in instructions: in a guest whose clock counts these,
 *
 *     QEMU_ARGS="-icount shift=0,sleep=off" scripts/vm/vmtest run 6.12 node dist/scripts/vm/hook-set-costs.js
 *
 * Elsewhere the figures are nanoseconds.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { attachBest } from "../../src/engine/attach-best.js";
import { RunningSignal } from "../../src/engine/running.js";
import { Identity } from "../../src/identity/identity.js";
import { Catalog } from "../../src/metrics/catalog.js";
import type { AnySignal, SignalLog } from "../../src/sdk/signal.js";
import { file } from "../../src/signals/file/signal.js";
import { l7 } from "../../src/signals/l7/signal.js";
import { tcp } from "../../src/signals/tcp/signal.js";

const rounds = 3;
const silent: SignalLog = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** What is attached, and by which hook set. */
const ways: readonly (readonly [name: string, signals: readonly AnySignal[], set: string])[] = [
  ["nothing", [], ""],
  ["fexit", [tcp, file], "fexit"],
  ["tp_btf", [tcp, file], "tp_btf"],
  ["l7 tp_btf", [l7], "tp_btf"],
  ["l7 sys_exit", [l7], "sys_exit"],
];

/** Attaches signals by the hook set of this name; returns what takes them out again, or undefined where the kernel refuses it. */
function attach(signals: readonly AnySignal[], set: string): (() => void) | undefined {
  const running: RunningSignal[] = [];
  const close = (): void => {
    for (const { loaded } of running) {
      loaded.close();
    }
  };
  try {
    for (const signal of signals) {
      const catalog = new Catalog();
      const hooks = signal.hooks?.filter(({ name }) => name === set) ?? [];
      running.push(
        attachBest(
          { ...signal, hooks },
          {},
          (loaded) => new RunningSignal(loaded, { catalog, identity: new Identity(catalog, []), log: silent }),
        ),
      );
    }
    return close;
  } catch {
    close();
    return undefined;
  }
}

const folder = mkdtempSync(join(tmpdir(), "ringtap-costs-"));
try {
  const program = join(folder, "calls");
  execFileSync("cc", ["-O2", "-o", program, fileURLToPath(new URL("../../../scripts/vm/calls.c", import.meta.url))]);
  const measured = new Map<string, Map<string, number[]>>();
  for (let round = 0; round < rounds; round++) {
    for (const [name, signals, set] of ways) {
      const detach = attach(signals, set);
      if (detach === undefined) {
        continue;
      }
      const lines = execFileSync(program, ["21", "500"], { encoding: "utf8" }).trimEnd().split("\n");
      detach();
      for (const [call = "", cost] of lines.map((line) => line.split(" "))) {
        const bySet = measured.get(call) ?? new Map<string, number[]>();
        measured.set(call, bySet.set(name, [...(bySet.get(name) ?? []), Number(cost)]));
      }
    }
  }
  console.log(`Linux ${release()}, a call, medians of ${rounds} interleaved rounds (all rounds):`);
  for (const [call, bySet] of measured) {
    const texts = [...bySet].map(([set, costs]) => {
      const ordered = costs.toSorted((a, b) => a - b);
      return `${set} ${ordered[rounds >> 1]} (${ordered.join(" ")})`;
    });
    console.log(`${call}: ${texts.join(", ")}`);
  }
} finally {
  rmSync(folder, { recursive: true });
}
