/** Parsers of flag values. Each throws a FlagError that quotes the text and says what is accepted. */
import { accessSync, constants } from "node:fs";

import { parseListenAddress } from "../../net/listen-address.js";
import { type WatchedWebConfig, watchWebConfig } from "../../http/config/watched-web-config.js";
import { WebConfigError } from "../../http/config/web-config.js";
import { duration, quantity, refuse } from "../../sdk/flag-values.js";
import { systemErrorText } from "../../config/text-file.js";

/** The same; a bare number is seconds. */
export function lastingFor(text: string): number {
  return duration(/^\d+(\.\d+)?$/.test(text) ? `${text}s` : text);
}

const millisecondsPer: Readonly<Record<string, number>> = { s: 1e3, m: 60e3, h: 3600e3, d: 86_400e3 };
/** Longer than any agent runs without a restart. */
const longestRetention = 366 * 86_400e3;

/** How long something is kept, such as `90m`, `24h` or `7d`, in milliseconds. */
export function retention(text: string): number {
  const milliseconds = Math.round(quantity(text, millisecondsPer));
  return milliseconds >= 1000 && milliseconds <= longestRetention
    ? milliseconds
    : refuse(text, "expected a number with a unit (s, m, h, d), from 1s to 366d");
}

const bytesPer: Readonly<Record<string, number>> = { "": 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };
const sizeUnits: Readonly<Record<string, number>> = { ...bytesPer, kB: 1e3, MB: 1e6, GB: 1e9 };
/** What a body has without any series of processes fits. */
const smallestBody = 2 ** 20;

/** The size of a body such as `10MB` or `16MiB`, in bytes. */
export function bodySize(text: string): number {
  const bytes = Math.floor(quantity(text, sizeUnits));
  return bytes >= smallestBody && bytes <= 2 ** 30
    ? bytes
    : refuse(text, "expected a size from 1MiB to 1GiB, such as 10MB");
}

/** A part of one core such as `2%`; it may be more than one. */
export function coreShare(text: string): number {
  const [, amount = ""] = /^(\d+(?:\.\d+)?)%$/.exec(text) ?? [];
  const percent = amount === "" ? NaN : Number(amount);
  return percent >= 0.01 && percent <= 10_000
    ? percent / 100
    : refuse(text, "expected a percentage of one core from 0.01% to 10000%, such as 2%");
}

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
    return refuse(
      text,
      "expected HOST:PORT, [IPV6]:PORT or :PORT, the port from 0 to 65535, or unix:PATH of at most 107 bytes",
    );
  }
}

/** A name by which the server may be asked for, without a port; `*` stands for all. */
export function hostPattern(text: string): string {
  return /^(?:\*|[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)$/.test(text)
    ? text
    : refuse(text, "expected a host name without a port, such as node1.example, or *");
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

/** Refuses the path of a file because of what the system said: `"path": no such file or directory`. */
function refuseFile(path: string, error: unknown): never {
  return refuse(path, systemErrorText(error));
}
