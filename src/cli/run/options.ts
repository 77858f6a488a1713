/** The flags of `ringtap run` and their values. */
import type { Command } from "commander";

import type { WatchedWebConfig } from "../../http/config/watched-web-config.js";
import { defaultIdentityLimit, defaultLabels } from "../../identity/defaults.js";
import { identityLabels } from "../../identity/labels.js";
import { podLabelNames } from "../../kubernetes/pods/pod.js";
import { defaultSeriesLimit } from "../../metrics/catalog.js";
import { configFlag, configSource, readConfigFile } from "../flags/config-file.js";
import { environmentSource } from "../flags/environment.js";
import {
  addFlags,
  commandLineSource,
  type Flag,
  flagError,
  type FlagValues,
  list,
  optional,
  readFlag,
  readFlags,
  single,
  toggle,
} from "../flags/flags.js";
import { kubernetesFlags } from "../flags/kubernetes.js";
import { cgroupFlags, logFlags, privilegeFlags, ringFlags, syscallFilterFlags } from "../flags/shared.js";
import { listenAddress, oneOf, urlPath, webConfig, wholeNumber } from "../flags/values.js";

/** How much the kernel maps may hold that fill up with use. */
const mapFlags = {
  connectionsLimit: single(
    "tcp.connections-limit",
    "<n>",
    "most TCP connections remembered",
    "262144",
    wholeNumber(1, 16_777_216),
  ),
  countsLimit: single(
    "syscall.counts-limit",
    "<n>",
    "most pairs of process and system call counted apart",
    "32768",
    wholeNumber(1, 4_194_304),
  ),
  threadsLimit: single(
    "syscall.threads-limit",
    "<n>",
    "most threads in the middle of a system call",
    "65536",
    wholeNumber(1, 4_194_304),
  ),
};

/** The configuration file; the one flag that is no key in it. `onFile` is told its path before it is read. */
function configFile(onFile: (path: string) => void = () => undefined) {
  return optional(configFlag, "<file>", "YAML file with flags as keys, nested or dotted", (path) => {
    onFile(path);
    return readConfigFile(path);
  });
}

const syscallModes = ["aggregate", "stream"] as const;

/** The other flags of `run`. All `signals` run by default; a web configuration that is `open` is not opened again. */
function runFlags(signals: readonly string[], open?: WatchedWebConfig) {
  return {
    signals: list("signals", "<name,...>", "signals to run", signals.join(","), oneOf(signals)),
    strict: toggle("strict", "end when a signal cannot be attached, instead of doing without it"),
    labels: list(
      "labels",
      "<label,...>",
      `labels that tell processes apart: ${identityLabels.join(", ")}`,
      defaultLabels.join(","),
      oneOf(identityLabels),
    ),
    ...cgroupFlags,
    /** Texts that `parseListenAddress` accepts. */
    listenAddresses: list(
      "web.listen-address",
      "<host:port>",
      "where to serve metrics; may be repeated",
      "127.0.0.1:19435",
      listenAddress,
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
    identityLimit: single(
      "identity-limit",
      "<n>",
      "most processes remembered, exited ones with series among them",
      `${defaultIdentityLimit}`,
      wholeNumber(1, 10_000_000),
    ),
    ...logFlags,
    syscallMode: single(
      "syscall.mode",
      "<mode>",
      "aggregate: count system calls in the kernel; stream: a record for each",
      "aggregate",
      oneOf(syscallModes),
    ),
    ...syscallFilterFlags,
    bpfStats: toggle("bpf.stats", "measure the run time of the BPF programs (costs some time in each)"),
    ...ringFlags,
    ...mapFlags,
    ...privilegeFlags,
    ...kubernetesFlags,
  };
}

/** What `run` is to do: every flag's value, valid by itself and with the others. */
export type RunOptions = FlagValues<ReturnType<typeof runFlags>>;

/** Gives a command the flags of `run`; `signals` are the names of the signals there are. */
export function addRunFlags(command: Command, signals: readonly string[]): void {
  addFlags(command, { configFile: configFile(), ...runFlags(signals) });
}

/** The flags that options are given by, as `--series-limit`. */
export function flagsOf(options: readonly (keyof RunOptions)[]): string[] {
  const flags = runFlags([]);
  return options.map((option) => `--${flags[option].name}`);
}

/** How options are read again while the agent runs. */
export interface Reading {
  /** Told the path of the configuration file before it is read. */
  readonly onFile?: (path: string) => void;
  /** The options in force: their web configuration, which follows its files by itself, is taken over. */
  readonly inForce?: RunOptions | undefined;
}

/**
 * Reads the options of `run` once `command`, which {@link addRunFlags} has equipped, is parsed: command line before environment
 * before configuration file before default. Throws a UsageError.
 */
export function readRunOptions(
  command: Command,
  signals: readonly string[],
  environment: Readonly<NodeJS.ProcessEnv> = process.env,
  { onFile, inForce }: Reading = {},
): RunOptions {
  const flags = runFlags(signals, inForce?.webConfig);
  const given = [commandLineSource(command), environmentSource(environment)];
  const file = readFlag(configFile(onFile), given);
  const sources = file === undefined ? given : [...given, configSource(file, flags)];
  const options = readFlags(flags, sources);

  const filter = options.syscallMode === "stream" ? undefined : firstSyscallFilter(options);
  if (filter !== undefined) {
    throw flagError(filter, "filters the records of stream mode: add --syscall.mode stream", sources);
  }
  const names = podLabelNames(options.kubernetesPodLabels);
  const twin = names.findIndex((name, index) => names.indexOf(name) !== index);
  if (twin >= 0) {
    const label = options.kubernetesPodLabels[twin];
    const problem = `"${label}": its label ${names[twin]} is that of another one, too`;
    throw flagError(kubernetesFlags.kubernetesPodLabels, problem, sources);
  }
  return options;
}

/** A filter that leaves something out, if there is one. */
function firstSyscallFilter(options: FlagValues<typeof syscallFilterFlags>): Flag<unknown> | undefined {
  const filters: readonly [flag: Flag<unknown>, inUse: boolean][] = [
    [syscallFilterFlags.syscallMinDuration, options.syscallMinDuration > 0],
    [syscallFilterFlags.syscallErrorsOnly, options.syscallErrorsOnly],
    [syscallFilterFlags.syscallNames, options.syscallNames.length > 0],
    [syscallFilterFlags.syscallPids, options.syscallPids.length > 0],
    [syscallFilterFlags.syscallComms, options.syscallComms.length > 0],
  ];
  return filters.find(([, inUse]) => inUse)?.[0];
}
