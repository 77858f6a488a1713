/** `ringtap run`: the agent. */
import type { Command } from "commander";
import { createAgentRegistry } from "../exposition/agent-registry.js";
import { createBody } from "../exposition/body.js";
import { usualLimits } from "../exposition/limits.js";
import { startServer } from "../exposition/server.js";
import { needCgroups } from "../identity/identity.js";
import { chooseHierarchy } from "../kernel/cgroup-hierarchy.js";
import { native } from "../kernel/native.js";
import { dropCapabilities } from "../kernel/privileges.js";
import { requireKernel } from "../kernel/requirements.js";
import { holdDescriptors } from "../kernel/spare-descriptors.js";
import { Engine } from "../signals/engine.js";
import { signals } from "../signals/index.js";
import { hookText } from "../signals/load.js";
import { declareProgramStats, declareSelfMetrics } from "../signals/self-metrics.js";
import type { SignalOptions } from "../signals/signal.js";
import {
  registerBuildInfo,
  registerIdentityMetrics,
  registerPageMetrics,
  registerReloadMetrics,
} from "./agent-metrics.js";
import { askedToEnd } from "./ending.js";
import { describeError } from "../agent/error-text.js";
import { addExamples } from "./examples.js";
import { followKubernetes, nameContainers, seriesLabels } from "./kubernetes.js";
import { registerKubernetesMetrics } from "./kubernetes-metrics.js";
import { liveOptions, wantedCalls } from "./live-options.js";
import { createLogger } from "./logger.js";
import { budgetTexts, memoryBudget } from "./memory-budget.js";
import { addRunFlags } from "./options.js";
import { pageStream } from "./page.js";
import { followOptions, openRunOptions, type OptionsSource } from "./reload.js";
import { startSignals, type SignalSet, type SignalSetOptions } from "../agent/signal-set.js";
import { followWebConfig } from "./web-config.js";

const signalNames = signals.map((signal) => signal.name);

/** One line per signal for `/readyz`. */
function describeSignal({ name, running, error }: SignalSet["statuses"][number]): string {
  return running === undefined
    ? `${name}: down (${describeError(error)})`
    : `${name}: up (${hookText(running.loaded)})`;
}

/** File descriptors beside those of clients: iterators, files that are read again, the Kubernetes API, look-ups of names. */
const descriptorsForWork = 32;

/** Starts the signals, but leaves the server, its clients and the work between scrapes their file descriptors. */
function startLeavingRoom(options: SignalSetOptions, addresses: number): SignalSet {
  const listening = addresses * (1 + usualLimits.maxConnections);
  const release = holdDescriptors(listening + descriptorsForWork);
  try {
    return startSignals(options);
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
  const labels = seriesLabels(options);
  const signalOptions: SignalOptions = {
    mode: "run",
    ...wantedCalls(options),
    cgroup: { hierarchy: chooseHierarchy(options.cgroupHierarchy), inRecords: needCgroups(labels) },
    limits: {
      connections: options.connectionsLimit,
      counts: options.countsLimit,
      threads: options.threadsLimit,
    },
    peers: kubernetes.peers,
  };
  const asked = {
    signals,
    wanted: options.signals,
    labels,
    seriesLimit: options.seriesLimit,
    identityLimit: options.identityLimit,
    ringSize: options.ringSize,
    strict: options.strict,
    log,
    signalOptions,
  };
  const set = startLeavingRoom(asked, options.listenAddresses.length);
  nameContainers(set.identity.cgroups, kubernetes.pods, options.kubernetesPodLabels);
  const engine = new Engine(set.running, set.identity);
  let stopStats: (() => void) | undefined;
  try {
    const registry = createAgentRegistry();
    registerBuildInfo(registry);
    registerIdentityMetrics(registry, set.identity);
    registerKubernetesMetrics(registry, kubernetes);
    registerReloadMetrics(registry, followed.status);
    if (options.bpfStats) {
      stopStats = native.enableStats();
    }
    const refreshes = [
      declareSelfMetrics(set.catalog, set.statuses),
      declareProgramStats(set.catalog, set.running, options.bpfStats),
    ];
    const render = createBody({
      registry,
      catalog: set.catalog,
      collect: [() => engine.collect(), ...refreshes],
    });
    const memory = memoryBudget(
      set.catalog,
      set.identity,
      set.running.map((signal) => signal.memoryAtLimit()),
      kubernetes.peers,
    );
    engine.start();
    const webConfig = followWebConfig(options.webConfig, log);
    const page = pageStream(set, engine, {
      peers: kubernetes.peers,
      telemetryPath: options.telemetryPath,
      inForce: webConfig?.current,
      log,
    });
    registerPageMetrics(registry, page.status);
    const server = await startServer({
      listenAddresses: options.listenAddresses,
      telemetryPath: options.telemetryPath,
      render,
      health: () => ({
        ready: set.statuses.every(({ running }) => running !== undefined),
        lines: set.statuses.map(describeSignal),
      }),
      live: page.handle,
      webConfig: webConfig?.current,
      onError: (err) => {
        log.error({ err }, "answering a request failed");
      },
    });
    try {
      if (options.dropCapabilities) {
        log.info({ kept: dropCapabilities() ?? "none" }, "dropped capabilities");
      }
      log.info(budgetTexts(memory), "memory at most");
      for (const address of server.addresses) {
        log.info({ url: `${server.scheme}://${address}${options.telemetryPath}` }, "serving metrics");
      }
      followed.start(liveOptions(set, signalOptions, kubernetes, log), () => webConfig?.reread());
      log.info({ signal: await ending }, "ending");
    } finally {
      followed.stop();
      await server.close();
    }
  } finally {
    engine.close();
    stopStats?.();
    kubernetes.close();
  }
}

/** Adds `run` to the program. */
export function addRunCommand(program: Command): void {
  const command = program.command("run").description("capture events and serve them as Prometheus metrics");
  addRunFlags(command, signalNames);
  addExamples(command, [
    { what: "serve http://127.0.0.1:19435/metrics", command: "ringtap run" },
    {
      what: "for every network, without system calls",
      command: "ringtap run --web.listen-address :19435 --signals tcp,file,process",
    },
    { what: "a series for each pod and program", command: "ringtap run --labels comm,namespace,pod,container" },
  ]);
  command.action(() => run(openRunOptions(command, signalNames)));
}
