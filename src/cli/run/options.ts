/** The flags of `ringtap run` and their values. */
import type { Command } from "commander";

import type { WatchedWebConfig } from "../../http/config/watched-web-config.js";
import { defaultIdentityLimit, defaultLabels, pidSeries } from "../../identity/defaults.js";
import { identityLabels } from "../../identity/labels.js";
import { podLabelNames } from "../../kubernetes/pods/pod.js";
import { defaultSeriesLimit } from "../../metrics/catalog.js";
import { defaultBudget } from "../../metrics/series-budget.js";
import { configFlag, configSource, readConfigFile } from "../flags/config-file.js";
import { environmentSource } from "../flags/environment.js";
import { addFlags, commandLineSource, flagError, readFlag, readFlags } from "../flags/flags.js";
import { kubernetesFlags } from "../flags/kubernetes.js";
import { type KnownSignals, ownSignalFlags, refuseFlagsOf, signalsFlag } from "../flags/own-signals.js";
import { signalFlags, type SignalValues, validateSignals } from "../flags/signals.js";
import { cgroupFlags, logFlags, privilegeFlags, ringFlags } from "../flags/shared.js";
import { bodySize, coreShare, hostPattern, listenAddress, retention, urlPath, webConfig } from "../flags/values.js";
import { type FlagTable, type FlagValues, list, optional, single, toggle } from "../../sdk/flags.js";
import { oneOf, wholeNumber } from "../../sdk/flag-values.js";

/** The configuration file; the one flag that is no key in it. `onFile` gets its path before it is read. */
function configFile(onFile: (path: string) => void = () => undefined) {
  return optional(configFlag, "<file>", "YAML file with flags as keys, nested or dotted", (path) => {
    onFile(path);
    return readConfigFile(path);
  });
}

/** The other flags of `run` itself. All `signals` run by default; a web configuration that is `open` is not opened again. */
function ownFlags(known: KnownSignals, open?: WatchedWebConfig) {
  return {
    signals: signalsFlag(known),
    ...ownSignalFlags,
    strict: toggle("strict", "exit with status 1 when a signal cannot be attached, instead of going on without it"),
    labels: list(
      "labels",
      "<label,...>",
      `labels that identify processes: ${identityLabels.join(", ")}`,
      defaultLabels.join(","),
      oneOf(identityLabels),
    ),
    pidSeries: single(
      "pid-series",
      "<which>",
      `processes that get series of their own, with pid among the labels: ${pidSeries.join(", ")}`,
      "all",
      oneOf(pidSeries),
    ),
    ...cgroupFlags,
    /** Texts that `parseListenAddress` accepts. */
    listenAddresses: list(
      "web.listen-address",
      "<address>",
      "where to serve metrics, HOST:PORT or unix:PATH; may be repeated",
      "127.0.0.1:19435",
      listenAddress,
    ),
    systemdSocket: toggle(
      "web.systemd-socket",
      "serve on the sockets that systemd passes, instead of --web.listen-address",
    ),
    allowedHosts: list(
      "web.allowed-hosts",
      "<name,...>",
      "host names by which a loopback address may be asked for, beside localhost; * for all",
      "",
      hostPattern,
    ),
    telemetryPath: single("web.telemetry-path", "<path>", "path of the metrics", "/metrics", urlPath),
    webConfig: optional("web.config.file", "<file>", "YAML file with TLS, users and headers of the server", (path) =>
      path === open?.path ? open : webConfig(path),
    ),
    /** Per metric. */
    seriesLimit: single(
      "series-limit",
      "<n>",
      "most series of one metric, every bucket counted",
      `${defaultSeriesLimit}`,
      wholeNumber(1, 10_000_000),
    ),
    /** All metrics together. */
    totalSeriesLimit: single(
      "total-series-limit",
      "<n>",
      "most series of all metrics together",
      `${defaultBudget.series}`,
      wholeNumber(1000, 100_000_000),
    ),
    /** Bytes. */
    bodyLimit: single(
      "body-limit",
      "<size>",
      "most bytes of the metrics in any format, before compression",
      `${defaultBudget.bytes / 1e6}MB`,
      bodySize,
    ),
    /** Milliseconds. */
    scrapeInterval: single(
      "scrape-interval",
      "<duration>",
      "longest scrape interval of several scrapers: how long series of ended processes stay",
      "30s",
      retention,
    ),
    /** Milliseconds. */
    seriesRetention: single(
      "series-retention",
      "<duration>",
      "how long series without a pid stay after their container has gone",
      "24h",
      retention,
    ),
    identityLimit: single(
      "identity-limit",
      "<n>",
      "most processes tracked, ended ones with series among them",
      `${defaultIdentityLimit}`,
      wholeNumber(1, 10_000_000),
    ),
    ...logFlags,
    bpfStats: toggle("bpf.stats", "measure the run time of the BPF programs (costs some time in each)"),
    /** A share of a core. */
    overheadLimit: optional(
      "overhead.limit",
      "<percent>",
      "percentage of one core that ringtap may cost before signals go to cheaper depths",
      coreShare,
    ),
    ...ringFlags,
    ...privilegeFlags,
    ...kubernetesFlags,
  };
}

/** What `run` is to do: every flag's value, valid by itself and with the others; those of signals by `<signal>.<key>`. */
export type RunOptions = FlagValues<ReturnType<typeof ownFlags>> & SignalValues;

/** All flags of `run`: its own, and those that the signals declare. */
function runFlags(known: KnownSignals, open?: WatchedWebConfig): FlagTable {
  const [own, ofSignals] = [ownFlags(known, open), signalFlags(known.all, "run")];
  refuseFlagsOf(known, { ...own, configFile: configFile() }, ofSignals);
  return { ...own, ...ofSignals };
}

/** Gives a command the flags of `run`. */
export function addRunFlags(command: Command, known: KnownSignals): void {
  addFlags(command, { configFile: configFile(), ...runFlags(known) });
}

/** The labels of series of processes: those of --labels, and pod labels. */
export function seriesLabels({ labels, kubernetesPodLabels }: RunOptions): readonly string[] {
  return [...labels, ...podLabelNames(kubernetesPodLabels)];
}

/** The flags that options are given by, as `--series-limit`. */
export function flagsOf(options: readonly string[], known: KnownSignals): string[] {
  const flags = runFlags(known);
  return options.map((option) => `--${flags[option]?.name ?? option}`);
}

/** How options are read again while the agent runs. */
export interface Reading {
  /** Called with the path of the configuration file before it is read. */
  readonly onFile?: (path: string) => void;
  /** The current options: their web configuration, which follows its files by itself, is kept. */
  readonly current?: RunOptions | undefined;
}

/**
 * Reads the options of `run` once `command`, which {@link addRunFlags} has equipped, is parsed: command line before environment
 * before configuration file before default. Throws a UsageError.
 */
export function readRunOptions(
  command: Command,
  known: KnownSignals,
  environment: Readonly<NodeJS.ProcessEnv> = process.env,
  { onFile, current }: Reading = {},
): RunOptions {
  const flags = runFlags(known, current?.webConfig);
  const given = [commandLineSource(command), environmentSource(environment)];
  const file = readFlag(configFile(onFile), given);
  const sources = file === undefined ? given : [...given, configSource(file, flags)];
  const options = readFlags(flags, sources) as RunOptions;

  validateSignals(known.all, options, flags, sources);
  const names = podLabelNames(options.kubernetesPodLabels);
  const twin = names.findIndex((name, index) => names.indexOf(name) !== index);
  if (twin >= 0) {
    const label = options.kubernetesPodLabels[twin];
    const problem = `"${label}": its label ${names[twin]} is that of another one, too`;
    throw flagError(kubernetesFlags.kubernetesPodLabels, problem, sources);
  }
  return options;
}
