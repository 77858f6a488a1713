/** Getting every program of a signal into the kernel. */
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";

import { objectFolder } from "../../../src/binding/installation.js";
import { Identity } from "../../../src/identity/identity.js";
import { Catalog } from "../../../src/metrics/catalog.js";
import { loadSignal } from "../../../src/engine/load.js";
import { plain, plainStream } from "../../../src/sdk/plain-options.js";
import { RunningSignal } from "../../../src/engine/running.js";
import type { Signal, SignalOptions } from "../../../src/sdk/signal.js";

/** The ways to load a signal: each leaves other programs out, and has other constants, which the verifier knows. */
export const ways: Readonly<Record<"run" | "stream" | "trace" | "containers", SignalOptions>> = {
  run: plain,
  stream: plainStream,
  trace: { ...plainStream, mode: "trace" },
  containers: { ...plainStream, cgroup: { hierarchy: "unified", inRecords: true } },
};

/** What came of it. */
interface Loading {
  readonly hook: string;
  /** Better hooks and programs that the kernel refused, and why. */
  readonly refused: readonly string[];
  /** Programs that were loaded, iterators included, and how many instructions the verifier walked: 0 before Linux 5.16. */
  readonly instructions: ReadonlyMap<string, number>;
}

/** Loads a signal, attaches each program, walks its iterators and maps, and takes everything out again. */
export async function tryLoading(signal: Signal, way: SignalOptions): Promise<Loading> {
  const loaded = loadSignal(signal, way, { folder: objectFolder, ringSize: 2 ** 16 });
  const { object, hook, refused, lost } = loaded;
  try {
    const catalog = new Catalog();
    const running = new RunningSignal(signal, loaded, catalog, new Identity(catalog, []), way, (error) => {
      throw error;
    });
    running.attach();
    await running.collect();
    const left = new Set([
      ...lost.map(({ program }) => program),
      ...hook.without,
      ...(signal.setup(way).without ?? []),
    ]);
    const names = object.programs.map(({ name }) => name).filter((name) => !left.has(name));
    return {
      hook: hook.name,
      refused: [
        ...refused.map(({ hook, error }) => `${hook.name}: ${error.message}`),
        ...lost.map(({ error }) => error.message),
      ],
      instructions: new Map(names.map((name) => [name, object.stats(name).verifiedInstructions])),
    };
  } finally {
    object.close();
  }
}

/** The same numbers for kernels before 5.16, out of the verifier's log: of all programs, as the object has its constants. */
export function instructionsInLog(signal: Signal): ReadonlyMap<string, number> {
  const pins = `/sys/fs/bpf/ringtap-test-${process.pid}`;
  try {
    const object = join(objectFolder, `${signal.name}.bpf.o`);
    const log = execFileSync("sh", ["-c", 'exec bpftool -d prog loadall "$1" "$2" 2>&1', "sh", object, pins], {
      encoding: "utf8",
      maxBuffer: Infinity,
    });
    const found = log.matchAll(
      /^libbpf: prog '(\w+)': -- BEGIN PROG LOAD LOG --\n(?:(?!libbpf: ).*\n)*?processed (\d+) insns/gm,
    );
    return new Map(Array.from(found, ([, name = "", count]) => [name, Number(count)]));
  } finally {
    rmSync(pins, { recursive: true, force: true });
  }
}
