/** The flags of `ringtap run` and their values. Other commands may take some of them over. */
import type { Command } from "commander";

import type { LiveWebConfig } from "../exposition/live-web-config.js";
import { defaultIdentityLimit, defaultLabels } from "../identity/defaults.js";
import { identityLabels } from "../identity/labels.js";
import { type CgroupHierarchy, cgroupSources } from "../kernel/cgroup-hierarchy.js";
import { podLabelNames } from "../kubernetes/pod.js";
import { defaultSeriesLimit } from "../metrics/catalog.js";
import { mostFiltered } from "../signals/syscall.js";
import { configSource, readConfigFile } from "./config.js";
import { environmentSource } from "./environment.js";
import { logFormats, logLevels } from "./logger.js";
import {
  addFlags,
  atMost,
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
} from "./options-flags.js";
import { kubernetesFlags } from "./options-kubernetes.js";
import {
  comm,
  duration,
  listenAddress,
  oneOf,
  pid,
  ringSize,
  syscallName,
  urlPath,
  webConfig,
  wholeNumber,
} from "./options-values.js";

/** The flags of the log. */
export const logFlags = {
  logLevel: single(
    "log.level",
    "<level>",
    `least severe message to log: ${logLevels.join(", ")}`,
    "info",
    oneOf(logLevels),
  ),
  logFormat: single("log.format", "<format>", `form of the log: ${logFormats.join(", ")}`, "logfmt", oneOf(logFormats)),
};

/** The flags of the ring buffers. */
export const ringFlags = {
  /** Bytes, a power of two. */
  ringSize: optional("ring.size", "<size>", "size of each signal's ring buffer, instead of 1MiB to 4MiB", ringSize),
};

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

/** What happens to the privileges once everything is attached. */
export const privilegeFlags = {
  dropCapabilities: toggle(
    "capabilities.drop",
    "give up the capabilities that are needed no more once everything is attached",
    "true",
  ),
};

const cgroupHierarchies = ["auto", ...(Object.keys(cgroupSources) as CgroupHierarchy[])] as const;

/** Which control groups are spoken of. */
export const cgroupFlags = {
  cgroupHierarchy: single(
    "cgroup.hierarchy",
    "<name>",
    `hierarchy that tells containers apart: ${cgroupHierarchies.join(", ")}`,
    "auto",
    oneOf(cgroupHierarchies),
  ),
};

/** Which system calls become records; applied in the kernel. */
export const syscallFilterFlags = {
  /** Nanoseconds. */
  syscallMinDuration: single(
    "syscall.min-duration",
    "<duration>",
    "stream only calls that took as long",
    "0ns",
    duration,
  ),
  syscallErrorsOnly: toggle("syscall.errors-only", "stream only calls that failed"),
  /** Empty for all. */
  syscallNames: list("syscall.names", "<name,...>", "stream only these system calls", "", syscallName),
  /** Empty for all. */
  syscallPids: atMost(mostFiltered, list("syscall.pids", "<pid,...>", "stream only calls of these processes", "", pid)),
  /** Empty for all. */
  syscallComms: atMost(
    mostFiltered,
    list("syscall.comms", "<comm,...>", "stream only calls of processes of these names", "", comm),
  ),
};

/** The configuration file; the one flag that is no key in it. `onFile` is told its path before it is read. */
function configFile(onFile: (path: string) => void = () => undefined) {
  return optional("config.file", "<file>", "YAML file with flags as keys, nested or dotted", (path) => {
    onFile(path);
    return readConfigFile(path);
  });
}

const syscallModes = ["aggregate", "stream"] as const;

/** The other flags of `run`. All `signals` run by default; a web configuration that is `open` is not opened again. */
function runFlags(signals: readonly string[], open?: LiveWebConfig) {
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
