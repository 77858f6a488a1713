/**
 * A process that holds series and renders them on demand: ringtap's tables or prom-client's registry.
 *
 *   node holder.js ringtap|prom-client COUNTERS HISTOGRAMS
 *
 * Each line read, `time` or `allocations`, makes one render, whose {@link Rendered} it prints as JSON.
 */
import { createInterface } from "node:readline";
import { GCProfiler } from "node:v8";
import { Counter, Histogram, Registry } from "prom-client";
import { createRenderQueue } from "../../../src/exposition/render-queue.js";
import { renderText } from "../../../src/exposition/text/prometheus-text.js";
import { Catalog } from "../../../src/metrics/catalog.js";
import { Dimension } from "../../../src/metrics/dimension.js";

/** What one render was like. */
export interface Rendered {
  /** From the request to the last byte in a Buffer, milliseconds. */
  readonly time: number;
  /** Longest time between two turns of the event loop meanwhile, milliseconds. */
  readonly stall: number;
  readonly bytes: number;
  /** Bytes allocated on V8's heap, dead or alive; 0 unless asked for. */
  readonly allocated: number;
}

type Render = () => Promise<readonly Buffer[]>;

/** Calls that a process makes, and processes of one name: see scripts/bench/drain/. */
const callsOfProcess = 4;
const comms = 64;

const observations = [1_000, 20_000, 300_000, 4_000_000];

interface Labels {
  readonly pid: string;
  readonly comm: string;
  readonly syscall: string;
}

function labelsOf(series: number): Labels {
  const process = Math.floor(series / callsOfProcess);
  return {
    pid: `${1000 + process}`,
    comm: `service-${process % comms}`,
    syscall: `call_${((process * callsOfProcess + series) % callsOfProcess) + (process % 16)}`,
  };
}

/** The labels of a histogram: distinct for each number. */
function callOf(histogram: number): Omit<Labels, "pid"> {
  return { comm: `service-${histogram % comms}`, syscall: `call_${Math.floor(histogram / comms)}` };
}

function ringtapRender(counters: number, histograms: number): Render {
  const catalog = new Catalog({ seriesLimit: Number.MAX_SAFE_INTEGER });
  const subject = new Dimension(["pid", "comm"]);
  const comm = new Dimension(["comm"]);
  const detail = new Dimension(["syscall"]);
  const total = catalog.counter({ name: "ringtap_syscalls_total", help: "System calls.", subject, detail });
  const duration = catalog.histogram({
    name: "ringtap_syscall_duration_seconds",
    help: "Duration.",
    subject: comm,
    detail,
  });
  for (let series = 0; series < counters; series++) {
    const labels = labelsOf(series);
    total.add(subject.intern(labels.pid, labels.comm), detail.intern(labels.syscall), series);
  }
  for (let histogram = 0; histogram < histograms; histogram++) {
    const labels = callOf(histogram);
    for (const nanoseconds of observations) {
      duration.observe(comm.intern(labels.comm), detail.intern(labels.syscall), nanoseconds);
    }
  }
  const scrape = createRenderQueue(() => renderText(catalog));
  return async () => (await scrape("text")).plain;
}

function promClientRender(counters: number, histograms: number): Render {
  const registry = new Registry();
  const registers = [registry];
  const total = new Counter({
    name: "ringtap_syscalls_total",
    help: "System calls.",
    labelNames: ["pid", "comm", "syscall"],
    registers,
  });
  const duration = new Histogram({
    name: "ringtap_syscall_duration_seconds",
    help: "Duration.",
    labelNames: ["comm", "syscall"],
    buckets: Array.from({ length: 29 }, (_, power) => 2 ** (power - 22)),
    registers,
  });
  for (let series = 0; series < counters; series++) {
    total.inc({ ...labelsOf(series) }, series);
  }
  for (let histogram = 0; histogram < histograms; histogram++) {
    for (const nanoseconds of observations) {
      duration.observe({ ...callOf(histogram) }, nanoseconds / 1e9);
    }
  }
  return async () => [Buffer.from(await registry.metrics())];
}

async function timed(render: Render): Promise<Rendered> {
  const start = performance.now();
  let lastTurn = start;
  let stall = 0;
  let running = true;
  const turn = (): void => {
    const now = performance.now();
    stall = Math.max(stall, now - lastTurn);
    lastTurn = now;
    if (running) {
      setImmediate(turn);
    }
  };
  setImmediate(turn);
  const pieces = await render();
  const time = performance.now() - start;
  running = false;
  turn();
  return { time, stall, bytes: pieces.reduce((sum, piece) => sum + piece.length, 0), allocated: 0 };
}

/** What the garbage collector found at each run tells what came to be between them. */
async function allocating(render: Render): Promise<Rendered> {
  const profiler = new GCProfiler();
  profiler.start();
  let from = process.memoryUsage().heapUsed;
  const rendered = await timed(render);
  const end = process.memoryUsage().heapUsed;
  let allocated = 0;
  for (const { beforeGC, afterGC } of profiler.stop().statistics) {
    allocated += beforeGC.heapStatistics.usedHeapSize - from;
    from = afterGC.heapStatistics.usedHeapSize;
  }
  return { ...rendered, allocated: allocated + end - from };
}

const [who, counters, histograms] = process.argv.slice(2);
const render = (who === "ringtap" ? ringtapRender : promClientRender)(Number(counters), Number(histograms));
for await (const request of createInterface(process.stdin)) {
  console.log(JSON.stringify(await (request === "time" ? timed : allocating)(render)));
}
