/** drain and aggregate: what one record costs from the ring to the tables. */
import { execFileSync } from "node:child_process";
import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadOwnSignals, type OwnSignal } from "../../src/engine/own-signals.js";
import { Identity } from "../../src/identity/identity.js";
import { Catalog } from "../../src/metrics/catalog.js";
import { syscall } from "../../src/signals/syscall/signal.js";
import { tcp } from "../../src/signals/tcp/signal.js";
import type { Signal } from "../../src/sdk/signal.js";
import { announce, FilledSignal } from "./drain/fill.js";
import { compileC } from "./lib/build.js";
import { atLeast, atMost, figure, range } from "./lib/figures.js";
import { LineProgram } from "./lib/line-program.js";
import { writeProfile } from "./lib/profile.js";
import type { BenchContext, Result, Scenario, Target } from "./lib/scenario.js";
import { interleave, ratio, ratios, spread, type Contender } from "./lib/spread.js";

const packages = ["golang-go", "golang-github-cilium-ebpf-dev", "golang-github-prometheus-client-golang-dev"];

/** Room for 10,000 processes with four calls each: nothing is folded, in no contender. */
const seriesLimit = 100_000;

/** Processes that the records are of. */
const sizes = [1, 100, 10_000] as const;

const peers = ["C loop", "Go, binary.Read", "Go, decoded by hand"] as const;
type Peer = (typeof peers)[number];

/** The contender that is a copy of the signal in a folder of its own. */
const ownName = "own copy";

/** One peer drains about as long as the others: fills for each figure. Ringtap's are a million system calls. */
const fills: Readonly<Record<"ringtap" | Peer, number>> = {
  ringtap: 20,
  "C loop": 20,
  "Go, binary.Read": 1,
  "Go, decoded by hand": 2,
};

/** How often each contender drains before it is measured: V8 compiles, and every series comes to be. */
const warmUps = { ringtap: 40, peer: 4 };

interface Programs {
  readonly loop: string;
  /** Absent in quick mode. */
  readonly go: string | undefined;
}

function buildPrograms(context: BenchContext): Programs {
  const loop = compileC(context, "scripts/bench/drain/loop.c", "loop", "-lbpf");
  if (context.quick) {
    return { loop, go: undefined };
  }
  const go = join(context.scratch, "drain-go");
  const env = {
    ...process.env,
    GO111MODULE: "off",
    GOPATH: "/usr/share/gocode",
    GOCACHE: join(context.scratch, "go-cache"),
  };
  execFileSync("go", ["build", "-o", go, "."], { cwd: join(context.root, "scripts/bench/go"), env });
  return { loop, go };
}

/** The programs that drain a ring of their own, one with the same records. */
async function startPeers(
  context: BenchContext,
  programs: Programs,
  signal: Signal,
  processes: number,
): Promise<Contender[]> {
  const catalog = new Catalog();
  const filled = new FilledSignal(context, signal, catalog, new Identity(catalog, ["pid", "comm"]), processes);
  const path = filled.pin(context);
  const commands: [Peer, string, string[]][] = [["C loop", programs.loop, [path]]];
  if (programs.go !== undefined) {
    commands.push(["Go, binary.Read", programs.go, [path, signal.name, "binary"]]);
    commands.push(["Go, decoded by hand", programs.go, [path, signal.name, "hand"]]);
  }
  const contenders: Contender[] = [];
  for (const [name, program, args] of commands) {
    const running = new LineProgram(program, args);
    context.after(() => running.close());
    const measure = async (times: number): Promise<number> => {
      let nanoseconds = 0;
      for (let fill = 0; fill < times; fill++) {
        filled.fill();
        nanoseconds += Number(await running.ask(`${filled.records}`));
      }
      return nanoseconds / times / filled.records;
    };
    await measure(warmUps.peer);
    contenders.push({ name, measure: () => measure(fills[name]) });
  }
  return contenders;
}

/** Nanoseconds a record, from the ring into the tables. */
function ringtapDrain(filled: FilledSignal, times: number): number {
  let nanoseconds = 0;
  for (let fill = 0; fill < times; fill++) {
    filled.fill();
    nanoseconds += filled.drain();
  }
  nanoseconds += filled.flush();
  return nanoseconds / times / filled.records;
}

type Figures = ReadonlyMap<string, readonly number[]>;

/** A signal and a ring of its records. */
interface Filled {
  readonly signal: Signal;
  readonly filled: FilledSignal;
  /** Of the same signal, loaded from a folder as a user's own is. */
  readonly own?: FilledSignal;
}

/** The signal `tcp` as a user's own: its compiled module in a folder outside of ringtap's. */
async function ownCopy(context: BenchContext): Promise<Signal> {
  const folder = join(context.scratch, "own-tcp");
  cpSync(join(context.root, "dist/src/signals/tcp"), join(folder, "dist"), { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  const [own] = await loadOwnSignals([folder]);
  return (own as OwnSignal).signal as Signal;
}

/** All signals before any is measured, as in an agent: the code that they share has seen all. */
async function warmedUp(context: BenchContext, processes: number): Promise<Filled[]> {
  const catalog = new Catalog({ seriesLimit });
  const identity = new Identity(catalog, ["pid", "comm"]);
  announce(identity, processes);
  const fill = (signal: Signal, tables = catalog): FilledSignal =>
    new FilledSignal(context, signal, tables, identity, processes);
  const signals: Filled[] = [
    { signal: syscall, filled: fill(syscall) },
    // Its metrics are called like those of the built-in one.
    {
      signal: tcp,
      filled: fill(tcp),
      own: fill(await ownCopy(context), new Catalog({ seriesLimit })),
    },
  ];
  for (let warmUp = 0; warmUp < warmUps.ringtap; warmUp++) {
    for (const filled of signals.flatMap((signal) => [signal.filled, signal.own ?? []].flat())) {
      ringtapDrain(filled, 1);
    }
  }
  return signals;
}

async function measureProcesses(
  context: BenchContext,
  programs: Programs,
  processes: number,
): Promise<ReadonlyMap<Signal, Figures>> {
  const results = new Map<Signal, Figures>();
  for (const { signal, filled, own } of await warmedUp(context, processes)) {
    context.progress(`${signal.name}, ${processes} processes`);
    const contenders = [
      { name: "ringtap", measure: () => ringtapDrain(filled, fills.ringtap) },
      ...(own === undefined ? [] : [{ name: ownName, measure: () => ringtapDrain(own, fills.ringtap) }]),
      ...(await startPeers(context, programs, signal, processes)),
    ];
    results.set(signal, await interleave(context.rounds, contenders));
  }
  return results;
}

function targetsOf(signal: Signal, processes: number, figures: Figures): Target[] {
  const those = `${processes.toLocaleString("en")} ${processes === 1 ? "process" : "processes"}`;
  const what = `drain and aggregate, one ${signal.name} record, ${those}`;
  const own = figures.get("ringtap") ?? [];
  const against = (peer: string): readonly number[] => figures.get(peer) ?? [];
  return [
    atMost(25, spread(own), " ns", what),
    atMost(5, spread(ratios(own, against("C loop"))), " × the C loop", what),
    ...(figures.has(ownName)
      ? [atMost(1.1, spread(ratios(against(ownName), own)), " × the built-in signal, as a user's own", what)]
      : []),
    ...(figures.has("Go, binary.Read")
      ? [
          atLeast(40, spread(ratios(against("Go, binary.Read"), own)), " × cheaper than Go with binary.Read", what),
          atLeast(20, spread(ratios(against("Go, decoded by hand"), own)), " × cheaper than Go decoded by hand", what),
        ]
      : []),
  ];
}

function goVersions(): string {
  const [go, ...libraries] = packages.map((name) =>
    execFileSync("dpkg-query", ["-W", "-f", "${Package} ${Version}", name], { encoding: "utf8" }),
  );
  return `The Go reference: ${go ?? ""}, ${libraries.join(", ")}.`;
}

const method = `A ring of 4 MiB, the agent's own for system calls, is filled beforehand with 52,224 system calls or 23,552 TCP records; only draining it
is measured. \`bpf_loop\` writes the records in the kernel, of the signal's own struct, spread at random over 1, 100 and 10,000 processes under 64
names; each process makes four different calls, one in sixteen fails; connections open and close with bytes and a round-trip time. Ringtap's side
is the agent's own: RingReader, the handlers of the signal (system calls as a stream), identity with all processes announced, the tables. What the
signal tallies by itself goes into the tables after 20 fills, a million system calls: the agent does so every second.

A copy of the signal \`tcp\` is loaded from a folder as a user's own is, and drained in turns with the built-in one.

The C loop walks the same kind of mapping, reads two words of each record, sums them up and stores the consumer position for each record. The
Go reference is cilium/ebpf's ring reader with client_golang (\`CounterVec\`, \`HistogramVec\`, \`WithLabelValues\`, ringtap's buckets), once with
\`binary.Read\` for a decoder and once with hand-written decoding out of one reused buffer. For system calls it keeps the same metrics as ringtap; for
TCP it counts bytes only when a connection closes, where ringtap keeps account of those that are open.

Figures are CPU time of the whole process, the threads of garbage collectors and compilers included, per record.`;

/** The row of the page's table. */
function row(signal: Signal, processes: number, figures: Figures): string[] {
  const own = figures.get("ringtap") ?? [];
  return [
    signal.name,
    processes.toLocaleString("en"),
    range(spread(own)),
    ...[...figures]
      .filter(([name]) => name !== ownName)
      .slice(1)
      .flatMap(([, measured]) => [range(spread(measured)), figure(ratio(measured, own))]),
  ];
}

async function run(context: BenchContext): Promise<Result> {
  const programs = buildPrograms(context);
  const rows: string[][] = [];
  const targets: Target[] = [];
  for (const processes of context.quick ? [100] : sizes) {
    for (const [signal, figures] of await measureProcesses(context, programs, processes)) {
      rows.push(row(signal, processes, figures));
      targets.push(...targetsOf(signal, processes, figures));
    }
  }
  const measuredPeers = programs.go === undefined ? peers.slice(0, 1) : peers;
  const headings = [
    "record",
    "processes",
    "ringtap, ns",
    ...measuredPeers.flatMap((peer) => [`${peer}, ns`, "÷ ringtap"]),
  ];
  return { tables: [{ headings, rows }], targets, notes: context.quick ? [] : [goVersions()] };
}

/** Fills that are drained under the profiler, of each signal and size: some seconds. */
const profiledFills = 300;

async function profile(context: BenchContext, folder: string): Promise<void> {
  for (const processes of sizes) {
    for (const { signal, filled } of await warmedUp(context, processes)) {
      const path = join(folder, `drain-${signal.name}-${processes}.cpuprofile`);
      await writeProfile(path, () => ringtapDrain(filled, profiledFills));
      context.progress(`wrote ${path}`);
    }
  }
}

export const drain: Scenario = { name: "drain", title: "Drain and aggregate", method, packages, run, profile };
