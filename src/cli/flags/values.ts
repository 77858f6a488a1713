/** Parsers of flag values. Each throws a UsageError that quotes the text and says what is accepted. */
import { accessSync, constants } from "node:fs";

import { parseListenAddress } from "../../net/listen-address.js";
import { type WatchedWebConfig, watchWebConfig } from "../../http/config/watched-web-config.js";
import { WebConfigError } from "../../http/config/web-config.js";
import { syscallNames, syscallNumber } from "../../sdk/syscall-names.js";
import { UsageError } from "../errors.js";
import { quote } from "../../log/logger-text.js";
import type { Parse } from "./flags.js";
import { suggestion } from "../../config/suggest.js";
import { systemErrorText } from "../../config/text-file.js";

/** One of a few words. */
export function oneOf<Word extends string>(words: readonly Word[]): Parse<Word> {
  const parse = (text: string): Word =>
    words.find((word) => word === text) ??
    refuse(text, `expected ${words.length > 1 ? "one of " : ""}${words.join(", ")}${suggestion(text, words)}`);
  return Object.assign(parse, { words });
}

/** A whole number between two bounds, both included. */
export function wholeNumber(lowest: number, highest: number): Parse<number> {
  return (text) => {
    const number = /^\d+$/.test(text) ? Number(text) : NaN;
    return number >= lowest && number <= highest
      ? number
      : refuse(text, `expected a whole number from ${lowest} to ${highest}`);
  };
}

const nanosecondsPer: Readonly<Record<string, number>> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, m: 60e9 };
const longestDuration = 3600e9;

/** A duration such as `250ns`, `100us`, `10ms`, `1.5s` or `2m`, up to an hour, in nanoseconds. */
export function duration(text: string): number {
  const [, amount = "", unit = ""] = /^(\d+(?:\.\d+)?)([nuµm]?s|m)$/.exec(text) ?? [];
  const nanoseconds = Math.round(Number(amount) * (nanosecondsPer[unit] ?? NaN));
  return nanoseconds <= longestDuration
    ? nanoseconds
    : refuse(text, "expected a number with a unit (ns, us, ms, s, m), at most 60m");
}

/** The same; a bare number is seconds. */
export function lastingFor(text: string): number {
  return duration(/^\d+(\.\d+)?$/.test(text) ? `${text}s` : text);
}

const bytesPer: Readonly<Record<string, number>> = { "": 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };
/** The largest page size of arm64: a ring is a power of two times the page size. */
const smallestRing = 64 * 2 ** 10;
const largestRing = 2 ** 30;

/** The size of a ring buffer such as `64KiB` or `4MiB`, in bytes: a power of two. */
export function ringSize(text: string): number {
  const [, amount = "", unit = "?"] = /^(\d+)((?:[KMG]iB)?)$/.exec(text) ?? [];
  const bytes = Number(amount) * (bytesPer[unit] ?? NaN);
  return bytes >= smallestRing && bytes <= largestRing && Number.isInteger(Math.log2(bytes))
    ? bytes
    : refuse(text, "expected a power of two from 64KiB to 1GiB");
}

/** Where an HTTP server listens, as {@link parseListenAddress} reads it. */
export function listenAddress(text: string): string {
  try {
    return parseListenAddress(text).text;
  } catch {
    return refuse(text, "expected HOST:PORT, [IPV6]:PORT or :PORT, the port from 0 to 65535");
  }
}

/** Paths where the HTTP server answers machines. */
const healthPaths = ["/healthz", "/readyz"];

/** The path of the metrics; `/` puts them in the place of the page for people. */
export function urlPath(text: string): string {
  if (!/^\/$|^(\/[\w.~-]+)+$/.test(text) || /\/\.\.?(\/|$)/.test(text)) {
    return refuse(text, "expected a path such as /metrics, of letters, digits and . _ ~ -");
  }
  return healthPaths.includes(text)
    ? refuse(text, `taken: the server has ${healthPaths.join(" and ")} for itself`)
    : text;
}

/** The path of a web configuration file, which is read. */
export function webConfig(path: string): WatchedWebConfig {
  try {
    return watchWebConfig(path);
  } catch (error) {
    if (error instanceof WebConfigError) {
      return refuse(path, error.message);
    }
    throw error;
  }
}

/** A system call's name, as the label `syscall` shows it. */
export function syscallName(text: string): string {
  return syscallNumber(text) === undefined
    ? refuse(
        text,
        `expected the name of a system call on this machine, such as openat or compat_openat${suggestion(text, syscallNames())}`,
      )
    : text;
}

/** TASK_COMM_LEN of include/linux/sched.h, less the terminating zero. */
const longestComm = 15;

/** A process's comm as the kernel keeps it. */
export function comm(text: string): string {
  const bytes = Buffer.byteLength(text);
  return bytes > 0 && bytes <= longestComm
    ? text
    : refuse(text, `expected a process name of 1 to ${longestComm} bytes, as /proc/<pid>/comm shows it`);
}

/** PID_MAX_LIMIT of include/linux/threads.h on 64-bit machines; pids stay below it. */
export const pid = wholeNumber(1, 4 * 1024 * 1024 - 1);

/** A file that can be read now. */
export function readableFile(path: string): string {
  try {
    accessSync(path, constants.R_OK);
    return path;
  } catch (error) {
    return refuseFile(path, error);
  }
}

/** The address of a Kubernetes API server. */
export function apiUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url?.protocol === "https:" && url.username === "" && url.search === "" && url.hash === ""
    ? text
    : refuse(text, "expected https://HOST:PORT, a path after it if need be");
}

/** Names of nodes, and the prefixes of labels (k8s.io/apimachinery, pkg/util/validation: IsDNS1123Subdomain). */
const dnsName = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** The name of a Kubernetes node. */
export function nodeName(text: string): string {
  return dnsName.test(text) ? text : refuse(text, "expected the name of a node, as `kubectl get nodes` shows it");
}

/** The name of a label of pods, as Kubernetes has it (the same, IsQualifiedName). */
export function podLabel(text: string): string {
  const [name = "", prefix] = text.split("/").reverse();
  const isName = /^(?=.{1,63}$)[A-Za-z0-9]([-\w.]*[A-Za-z0-9])?$/.test(name);
  return isName && text.split("/").length <= 2 && (prefix === undefined || dnsName.test(prefix))
    ? text
    : refuse(text, "expected the name of a pod label, such as app.kubernetes.io/name");
}

/** Refuses a value: `"text": expectation`. */
export function refuse(text: string, expectation: string): never {
  throw new UsageError(`${quote(text)}: ${expectation}`);
}

/** Refuses the path of a file because of what the system said: `"path": no such file or directory`. */
function refuseFile(path: string, error: unknown): never {
  return refuse(path, systemErrorText(error));
}
