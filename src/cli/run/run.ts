/** `ringtap run`: the agent. */
import type { Command } from "commander";
import { type AgentSetup, type RunningAgent, startAgent } from "../../agent/start-agent.js";
import { createProcessRegistry } from "../../exposition/process-registry.js";
import { createBody } from "../../exposition/metrics-body.js";
import { defaultServerLimits } from "../../http/server-limits.js";
import { startServer } from "../../http/server.js";
import { native } from "../../binding/native.js";
import { dropCapabilities } from "../../host/privileges.js";
import { requireKernel } from "../../host/requirements.js";
import { systemdSockets } from "../../net/systemd-sockets.js";
import { holdDescriptors } from "../../host/spare-descriptors.js";
import { hookText } from "../../engine/load.js";
import type { SignalStatus } from "../../engine/running.js";
import { declareProgramStats } from "../../engine/self-metrics.js";
import { declareBuildInfo, declareIdentityMetrics, declarePageMetrics, declareReloadMetrics } from "./agent-metrics.js";
import { askedToEnd } from "../ending.js";
import { addExamples } from "../reference/examples.js";
import { followKubernetes, nameContainers, seriesLabels } from "../kubernetes.js";
import { declareKubernetesMetrics } from "./kubernetes-metrics.js";
import { valuesBySignal } from "../flags/signals.js";
import { liveOptions } from "./live-options.js";
import { createLogger } from "../../log/logger.js";
import { budgetTexts, memoryBudget } from "./memory-budget.js";
import { KnownSignals } from "../flags/own-signals.js";
import { logStrayErrors } from "../stray-errors.js";
import { followOwnSignals } from "./own-signal-reload.js";
import { addRunFlags } from "./options.js";
import { pageStream } from "./page.js";
import { followOptions, openRunOptions, type OptionsSource } from "./reload.js";
import { followWebConfig } from "./web-config.js";

/** One line per signal for `/readyz`. */
function describeSignal({ name, running, problem = "" }: SignalStatus): string {
  const fault = running?.problem === undefined ? "" : `; ${running.problem}`;
  return running === undefined ? `${name}: down (${problem})` : `${name}: up (${hookText(running.loaded)})${fault}`;
}

/** File descriptors beside those of clients: iterators, files that are read again, the Kubernetes API, look-ups of names. */
const descriptorsForWork = 32;

/** Starts the agent, but leaves the server, its clients and the work between scrapes their file descriptors. */
function startLeavingRoom(setup: AgentSetup, addresses: number): RunningAgent {
  const listening = addresses * (1 + defaultServerLimits.maxConnections);
  const release = holdDescriptors(listening + descriptorsForWork);
  try {
    return startAgent(setup);
  } finally {
    release();
  }
}

async function run(source: OptionsSource): Promise<void> {
  const { initial: options } = source;
  const log = createLogger(options.logLevel, options.logFormat);
  requireKernel();
  const ending = askedToEnd();
  const followed = followOptions(source, log);
  const kubernetes = followKubernetes(options, log);
  const { known } = source;
  logStrayErrors(known, log);
  const setup: AgentSetup = {
    signals: known.all,
    wanted: options.signals,
    labels: seriesLabels(options),
    seriesLimit: options.seriesLimit,
    budget: { series: options.totalSeriesLimit, bytes: options.bodyLimit },
    pidSeries: options.pidSeries,
    scrapeIntervalMs: options.scrapeInterval,
    seriesRetentionMs: options.seriesRetention,
    identityLimit: options.identityLimit,
    ringSize: options.ringSize,
    countRuns: options.bpfStats,
    overheadLimit: options.overheadLimit,
    strict: options.strict,
    cgroupHierarchy: options.cgroupHierarchy,
    flags: valuesBySignal(known.all, options),
    peers: kubernetes.peers,
    log,
  };
  const listenAddresses = options.systemdSocket ? systemdSockets(process.env, process.pid) : options.listenAddresses;
  const agent = startLeavingRoom(setup, listenAddresses.length);
  let stopStats: (() => void) | undefined;
  let stopFollowing: (() => void) | undefined;
  try {
    const { catalog, identity, statuses } = agent;
    nameContainers(identity.cgroups, kubernetes.pods, options.kubernetesPodLabels);
    const registry = createProcessRegistry();
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
      collect: [() => agent.collect(), declareProgramStats(catalog, statuses, options.bpfStats)],
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
        const kept = dropCapabilities({ loads: known.own.size > 0 });
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
      log.info({ signal: await ending }, "ending");
    } finally {
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

/** Adds `run` to the program. */
export function addRunCommand(program: Command, known = new KnownSignals()): void {
  const command = program.command("run").description("capture events and serve them as Prometheus metrics");
  addRunFlags(command, known);
  addExamples(command, [
    { what: "serve http://127.0.0.1:19435/metrics", command: "ringtap run" },
    {
      what: "for every network, without system calls",
      command: "ringtap run --web.listen-address :19435 --signals tcp,file,process",
    },
    { what: "a series for each pod and program", command: "ringtap run --labels comm,namespace,pod,container" },
  ]);
  command.action(() => run(openRunOptions(command, known)));
}
