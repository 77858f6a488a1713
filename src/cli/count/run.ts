/** Counting the events of a tracepoint as a command line says, and showing them. */
import type { Logger } from "pino";
import { type RunningAgent, startAgent } from "../../agent/start-agent.js";
import { tracepoint } from "../../bpf/tracepoint.js";
import type { Untyped } from "../../bpf/untyped.js";
import { createBody } from "../../exposition/metrics-body.js";
import { EventLoopLag } from "../../exposition/event-loop-lag.js";
import { createProcessRegistry } from "../../exposition/process-registry.js";
import { dropCapabilities } from "../../host/privileges.js";
import { requireKernel } from "../../host/requirements.js";
import { type RunningServer, startServer } from "../../http/server.js";
import { createLogger } from "../../log/logger.js";
import type { AnySignal } from "../../sdk/signal.js";
import { askedToEnd } from "../ending.js";
import { UsageError } from "../errors.js";
import { pageStream } from "../run/page.js";
import { Screen } from "../terminal/screen.js";
import { cut } from "../terminal/text.js";
import { LineOutput } from "../trace/output.js";
import { pauseUntil } from "../waiting.js";
import { type Counted, countedHistogram, countedTotals, jsonLines, leftOutLines, tableLines } from "./counted.js";
import { partOf } from "./one-liner.js";
import type { CountOptions, Kind } from "./options.js";
import type { OneLiner } from "./words.js";

/** The metrics that a command counts in. */
interface Metrics {
  readonly signal: AnySignal;
  readonly read: (agent: RunningAgent) => Promise<Counted>;
}

/** A signal's name for a tracepoint: without the module, as far as such a name may go. */
function signalNameOf(name: string): string {
  const [event = ""] = name.split(":").slice(-1);
  const letters = event.toLowerCase().replaceAll(/\W/g, "_");
  return (/^[a-z]/.test(letters) ? letters : `at_${letters}`).slice(0, 32);
}

/** The signal of a command line. Throws a UsageError that says what is wrong with it, or what this kernel does not have of it. */
function metricsOf(kind: Kind, name: string, options: CountOptions): Metrics {
  const { by, where, sum = [], of, unit = "number" } = options;
  const called = options.name ?? signalNameOf(name);
  const wanted: OneLiner = { by, where, sum, ...(of === undefined ? {} : { of: { field: of, unit } }) };
  try {
    const signal = tracepoint(name, (e: Untyped, h) => ({
      name: called,
      summary: kind === "count" ? `events of the tracepoint ${name}` : `${of?.text ?? ""} at the tracepoint ${name}`,
      ...partOf(wanted, e, h),
    }));
    // Compiled here, where it is the user's words that are wrong, if anything is.
    if (typeof signal.object === "function") {
      signal.object();
    }
    const suffix = { number: "values", bytes: "bytes", seconds: "seconds" }[unit];
    const sums = Object.fromEntries(sum.map(({ label }) => [label, `${called}_${label}_total`]));
    return {
      signal,
      read: async (agent) => {
        await agent.collect();
        return kind === "count"
          ? countedTotals(agent.catalog, `${called}_total`, sums)
          : countedHistogram(agent.catalog, `${called}_${suffix}`, unit);
      },
    };
  } catch (error) {
    throw new UsageError(`${kind} ${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Serves the metrics until it is closed. */
async function serve(
  agent: RunningAgent,
  lag: EventLoopLag,
  addresses: readonly string[],
  log: Logger,
): Promise<RunningServer> {
  const telemetryPath = "/metrics";
  const server = await startServer({
    listenAddresses: addresses,
    telemetryPath,
    render: createBody({
      registry: createProcessRegistry(lag),
      catalog: agent.catalog,
      collect: [() => agent.collect()],
    }),
    health: () => ({ ready: true, lines: agent.statuses.map(({ name }) => `${name}: up`) }),
    live: pageStream(agent.live, { telemetryPath, currentConfig: undefined, log }).handle,
    onError: (err) => {
      log.error({ err }, "answering a request failed");
    },
  });
  for (const address of server.addresses) {
    log.info({ address, path: telemetryPath }, "serving metrics");
  }
  return server;
}

/** Runs of the signal's programs that the kernel has left out. */
function runsLeftOut({ running }: RunningAgent): number {
  return running.reduce((runs, signal) => runs + signal.runsLeftOut(), 0);
}

/** Draws what has been counted over a terminal until `over`. */
async function watchScreen(
  agent: RunningAgent,
  read: Metrics["read"],
  options: CountOptions,
  over: Promise<unknown>,
): Promise<void> {
  const screen = new Screen(process.stdout);
  screen.open();
  try {
    do {
      const lines = tableLines(await read(agent), options.limit);
      const last = leftOutLines(runsLeftOut(agent));
      const shown = [...lines.slice(0, Math.max(0, screen.rows - last.length)), ...last];
      screen.draw(shown.map((line) => cut(line, screen.columns)));
    } while (await pauseUntil(over, options.interval / 1e6));
  } finally {
    screen.close();
  }
}

/** Counts until the user ends it, or the time is up. */
export async function run(kind: Kind, name: string, options: CountOptions): Promise<void> {
  const log = createLogger(options.logLevel, options.logFormat);
  requireKernel();
  const { signal, read } = metricsOf(kind, name, options);
  const ending = askedToEnd();
  const flags = { [signal.name]: { entries: options.entries } };
  const lag = new EventLoopLag();
  const agent = startAgent({ signals: [signal], wanted: [signal.name], strict: true, flags, late: lag.note, log });
  let server: RunningServer | undefined;
  try {
    if (options.listenAddresses.length > 0) {
      server = await serve(agent, lag, options.listenAddresses, log);
    }
    if (options.dropCapabilities) {
      dropCapabilities();
    }
    log.info({ tracepoint: name }, "counting");
    const output = new LineOutput(process.stdout);
    const isJson = options.output === "json";
    const text = async (): Promise<string> => {
      const counted = await read(agent);
      const lines = isJson
        ? jsonLines(counted)
        : [...tableLines(counted, options.limit), ...leftOutLines(runsLeftOut(agent))];
      return lines.map((line) => `${line}\n`).join("");
    };
    const elapsed = options.duration === undefined ? [] : [pauseUntil(ending, options.duration / 1e6)];
    const gone = output.failed.then((cause) => {
      if (cause.code !== "EPIPE") {
        throw new Error("writing to stdout", { cause });
      }
    });
    const over = Promise.race([ending, gone, ...elapsed]);
    if (options.watch && !isJson && process.stdout.isTTY) {
      await watchScreen(agent, read, options, over);
    } else if (options.watch) {
      while (await pauseUntil(over, options.interval / 1e6)) {
        output.line(await text());
        output.flush();
      }
    } else {
      await over;
    }
    output.line(await text());
    await Promise.race([output.delivered(), gone]);
    const [missing] = isJson ? leftOutLines(runsLeftOut(agent)) : [];
    if (missing !== undefined) {
      log.warn(missing);
    }
  } finally {
    await server?.close();
    agent.close();
  }
}
