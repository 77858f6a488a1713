/** A signal whose ring is filled beforehand: the real programs stay out of the kernel, the filler takes their place. */
import { execFileSync } from "node:child_process";
import { pathToFileURL } from "node:url";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import type { Identity } from "../../../src/identity/identity.js";
import type { Catalog } from "../../../src/metrics/catalog.js";
import { native } from "../../../src/binding/native.js";
import { defaultFlags, loadSignal } from "../../../src/engine/load.js";
import { RunningSignal } from "../../../src/engine/running.js";
import type { AnySignal, EventRecord, Ring, SignalLog } from "../../../src/sdk/signal.js";
import { compileBpf } from "../lib/build.js";
import type { BenchContext } from "../lib/scenario.js";

/** The agent's own for system calls as a stream; the same for TCP, so that a fill is long enough to be measured. */
const ringSize = 4 * 1024 * 1024;

/** Bytes of a record's header in the ring (BPF_RINGBUF_HDR_SZ). */
const headerSize = 8;

/** getppid(2), which makes the filler run. */
const getppid = process.arch === "arm64" ? 173 : 110;

/** FIRST_TGID and COMMS of fill.h. */
const firstTgid = 2 ** 22;
const comms = 64;

/** Records that are opened and closed together in fill.h's connections: a fill is a multiple of it. */
const group = 1024;

/** What filling needs of a context. */
type FillContext = Pick<BenchContext, "root" | "scratch" | "after">;

/** Announces the processes that the filler's records name, as the signal `process` would. */
export function announce(identity: Identity, processes: number): void {
  for (let process = 0; process < processes; process++) {
    const tgid = firstTgid + process;
    const comm = `service-${(process % comms).toString().padStart(2, "0")}`;
    const bytes = Buffer.from(comm.padEnd(16, "\0"), "latin1");
    const words = [tgid, ...[0, 4, 8, 12].map((at) => bytes.readUInt32LE(at)), 0, 0];
    identity.activate({
      tgid,
      comm,
      cgroup: 0,
      time: 1,
      start: 1,
      copyActor: (key) => {
        key.set(words);
      },
      isActor: (keys, from) => words.every((word, index) => word === keys[from + index]),
    });
  }
}

/** Ids of the ring buffers that this process has open. */
function ringIds(): Set<string> {
  const ids = new Set<string>();
  for (const fd of readdirSync("/proc/self/fdinfo")) {
    try {
      const text = readFileSync(`/proc/self/fdinfo/${fd}`, "utf8");
      const id = /^map_type:\t27$.*^map_id:\t(\d+)$/msu.exec(text)?.[1];
      if (id !== undefined) {
        ids.add(id);
      }
    } catch {
      // The descriptor of the listing itself is gone by now.
    }
  }
  return ids;
}

/** What a handler throws ends the benchmark. */
const failing: SignalLog = {
  info: () => undefined,
  warn: () => undefined,
  error(details, message) {
    throw new Error(message, { cause: details });
  },
};

/** CPU time of all threads that `work` takes, nanoseconds. */
function cpuTime(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) * 1000;
}

/** A ring that is filled at will, and the signal that it belongs to. */
export class FilledSignal {
  readonly running: RunningSignal;
  /** Records that one fill writes: as many as the ring takes. */
  readonly records: number;
  readonly #processes: number;
  readonly #ringId: string;
  #written = 0;

  constructor(context: FillContext, signal: AnySignal, catalog: Catalog, identity: Identity, processes: number) {
    const path = compileBpf(context, `scripts/bench/drain/${signal.name}.bpf.c`, `${signal.name}.bpf.o`);
    const object = native.open(path);
    const replaced = object.programs.filter(({ name, section }) => name !== "fill" && !section.startsWith("iter/"));
    object.close();
    const filled: AnySignal = {
      ...signal,
      object: pathToFileURL(path),
      hooks: [{ name: "filled beforehand", without: replaced.map(({ name }) => name) }],
      setup: () => ({ constants: { filler_tgid: process.pid, getppid_nr: getppid } }),
    };
    const before = ringIds();
    const loaded = loadSignal(filled, { flags: { ...defaultFlags(signal), mode: "stream" }, ringSize });
    this.#ringId = [...ringIds()].find((id) => !before.has(id)) ?? "";
    this.running = new RunningSignal(loaded, { catalog, identity, log: failing });
    context.after(() => {
      this.running.close();
    });
    this.running.attach();
    this.#processes = processes;
    this.records = Math.floor(ringSize / ((signal.ring as Ring<EventRecord>).record.size + headerSize) / group) * group;
  }

  /** Fills the ring, which must be empty. */
  fill(): void {
    const { object } = this.running.loaded;
    const wanted = BigUint64Array.of(BigInt(this.records), BigInt(this.#processes), BigInt(this.#written));
    object.map("control").set(new Uint8Array(4), new Uint8Array(wanted.buffer));
    // Reading ppid is the call that makes the filler run.
    const caller = process.ppid;
    this.#written += this.records;
    const { produced, dropped } = this.running.eventCounts();
    if (produced !== this.#written || dropped.ring_full > 0) {
      throw new Error(
        `filling the ring of ${this.running.signal.name} by getppid(2) (${caller}): ` +
          `${produced} records, not ${this.#written}; ${dropped.ring_full} did not fit`,
      );
    }
  }

  /** Drains what the fill has written, as the agent does. Returns the CPU time that it takes, nanoseconds. */
  drain(): number {
    return cpuTime(() => {
      const drained = this.running.drain();
      if (drained !== this.records) {
        throw new Error(`draining ${this.running.signal.name}: ${drained} records, not ${this.records}`);
      }
    });
  }

  /** Moves into the tables what the signal has kept to itself, as the agent does every second. Returns the CPU time, nanoseconds. */
  flush(): number {
    return cpuTime(() => {
      this.running.flush();
    });
  }

  /** Makes the ring reachable for other programs, by a path. */
  pin(context: FillContext): string {
    const path = `/sys/fs/bpf/ringtap-bench-${process.pid}-${this.#ringId}`;
    execFileSync("bpftool", ["map", "pin", "id", this.#ringId, path]);
    context.after(() => {
      rmSync(path, { force: true });
    });
    return path;
  }
}
