/** The agent of `ringtap run`, at work until it is asked to end. */
import { type AgentSetup, type RunningAgent, startAgent } from "../../agent/start-agent.js";
import { EventLoopLag } from "../../exposition/event-loop-lag.js";
import { createProcessRegistry } from "../../exposition/process-registry.js";
import { createBody } from "../../exposition/metrics-body.js";
import { startServer } from "../../http/server.js";
import { native } from "../../binding/native.js";
import { dropCapabilities } from "../../host/privileges.js";
import { hookText } from "../../engine/load.js";
import type { SignalStatus } from "../../engine/running.js";
import { declareBuildInfo, declareIdentityMetrics, declarePageMetrics, declareReloadMetrics } from "./agent-metrics.js";
import { followKubernetes, nameContainers } from "../kubernetes.js";
import { declareKubernetesMetrics } from "./kubernetes-metrics.js";
import { liveOptions } from "./live-options.js";
import { createLogger } from "../../log/logger.js";
import { budgetTexts, memoryBudget } from "./memory-budget.js";
import { logStrayErrors } from "../stray-errors.js";
import { followOwnSignals } from "./own-signal-reload.js";
import type { BegunRun } from "./begin.js";
import { pageStream } from "./page.js";
import { followOptions } from "./reload.js";
import { followWebConfig } from "./web-config.js";

/** One line per signal for `/readyz`. */
function describeSignal({ name, running, problem = "" }: SignalStatus): string {
  const fault = running?.problem === undefined ? "" : `; ${running.problem}`;
  return running === undefined ? `${name}: down (${problem})` : `${name}: up (${hookText(running.loaded)})${fault}`;
}

/** Starts the agent, but leaves the server, its clients and the work between scrapes their file descriptors. */
function startLeavingRoom(setup: AgentSetup, hold: () => () => void): RunningAgent {
  const release = hold();
  try {
    return startAgent(setup);
  } finally {
    release();
  }
}

/** So long after the start memory is trimmed, milliseconds: much of what is resident has served the start alone. */
const trimAfterMs = 5_000;

/** Runs the agent whose signals are being loaded. */
export async function run(begunRun: BegunRun): Promise<void> {
  const { source, listenAddresses, loads, begun, ending, hasHungUp, hold } = begunRun;
  const { initial: options } = source;
  const log = createLogger(options.logLevel, options.logFormat);
  const followed = followOptions(source, log, hasHungUp);
  const kubernetes = followKubernetes(options, log);
  const { known } = source;
  logStrayErrors(known, log);
  const lag = new EventLoopLag();
  const setup: AgentSetup = {
    ...loads,
    late: lag.note,
    begun,
    seriesLimit: options.seriesLimit,
    budget: { series: options.totalSeriesLimit, bytes: options.bodyLimit },
    pidSeries: options.pidSeries,
    scrapeIntervalMs: options.scrapeInterval,
    seriesRetentionMs: options.seriesRetention,
    identityLimit: options.identityLimit,
    strict: options.strict,
    peers: kubernetes.peers,
    log,
  };
  const agent = startLeavingRoom(setup, hold);
  let stopStats: (() => void) | undefined;
  let stopFollowing: (() => void) | undefined;
  let trim: NodeJS.Timeout | undefined;
  try {
    const { catalog, identity, statuses } = agent;
    nameContainers(identity.cgroups, kubernetes.pods, options.kubernetesPodLabels);
    const registry = createProcessRegistry(lag);
    declareBuildInfo(catalog);
    declareIdentityMetrics(catalog, identity);
    declareKubernetesMetrics(catalog, kubernetes);
    declareReloadMetrics(catalog, followed.status);
    if (options.bpfStats) {
      stopStats = native.enableStats();
    }
    const render = createBody({
      registry,
      catalog,
      collect: [() => agent.collect()],
    });
    const memory = memoryBudget(
      catalog,
      identity,
      agent.running.map((signal) => signal.memoryAtLimit()),
      kubernetes.peers,
    );
    const webConfig = followWebConfig(options.webConfig, log);
    const page = pageStream(agent.live, {
      telemetryPath: options.telemetryPath,
      currentConfig: webConfig?.current,
      log,
    });
    declarePageMetrics(catalog, page.status);
    const server = await startServer({
      listenAddresses,
      allowedHosts: options.allowedHosts,
      telemetryPath: options.telemetryPath,
      render,
      health: () => ({
        ready: statuses.every(({ running }) => running !== undefined && running.problem === undefined),
        lines: statuses.map(describeSignal),
      }),
      live: page.handle,
      webConfig: webConfig?.current,
      onError: (err) => {
        log.error({ err }, "answering a request failed");
      },
    });
    try {
      if (options.dropCapabilities) {
        const kept = dropCapabilities({
          loads: known.own.size > 0,
          attaches: agent.running.some(({ attachesLater }) => attachesLater),
        });
        log.info({ kept: kept.join(",") || "none" }, "dropped capabilities");
      }
      log.info(budgetTexts(memory), "memory at most");
      for (const address of server.addresses) {
        log.info(
          address.startsWith("unix:")
            ? { socket: address.slice("unix:".length), path: options.telemetryPath }
            : { url: `${server.scheme}://${address}${options.telemetryPath}` },
          "serving metrics",
        );
      }
      const own = followOwnSignals({ agent, known, read: followed.read, onReplaced: followed.retry, log });
      stopFollowing = own.stop;
      followed.start(liveOptions(agent, kubernetes, log), {
        onHangUp: () => webConfig?.reread(),
        onReload: own.reload,
      });
      trim = setTimeout(() => {
        native.trimMemory();
      }, trimAfterMs);
      log.info({ signal: await ending }, "ending");
    } finally {
      clearTimeout(trim);
      stopFollowing?.();
      followed.stop();
      await server.close();
    }
  } finally {
    agent.close();
    stopStats?.();
    kubernetes.close();
  }
}
