/** Servers of DNS in network namespaces of their own, clients that differ, and what servers and agents count of them. */
import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";

import { labelIn, tally } from "./conversations.js";
import { eventually } from "./eventually.js";
import { type NetworkNamespace, networkNamespace } from "./network.js";
import { scratch } from "./program.js";
import { type Samples, select } from "./samples.js";
import type { Scope } from "./scope.js";
import { end } from "./servers.js";

const run = promisify(execFile);

export type Counts = Record<string, number>;

export const clientMetric = "dns_lookup_duration_seconds";
export const serverMetric = "ringtap_dns_server_lookup_duration_seconds";

/** A network namespace whose resolver is its own loopback. */
export function resolvingNetwork(scope: Scope): NetworkNamespace {
  const network = networkNamespace(scope);
  const folder = `/etc/netns/${network.name}`;
  mkdirSync(folder, { recursive: true });
  scope.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(`${folder}/resolv.conf`, "nameserver 127.0.0.1\noptions timeout:1 attempts:2\n");
  return network;
}

export function startInside(scope: Scope, { prefix }: NetworkNamespace, command: readonly string[]): ChildProcess {
  const [file = "", ...args] = [...prefix, ...command];
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "inherit"] });
  scope.after(() => (child.exitCode === null && child.signalCode === null ? end(child) : undefined));
  return child;
}

/** Runs a client to its end. Its exit status is its own affair: dig's tells of an answer that is none. */
export async function client(
  { prefix }: NetworkNamespace,
  command: readonly string[],
): Promise<{ pid: number; stdout: string }> {
  const [file = "", ...args] = [...prefix, ...command];
  const running = run(file, args);
  const { pid = 0 } = running.child;
  try {
    return { pid, stdout: (await running).stdout };
  } catch (error) {
    return { pid, stdout: (error as { stdout: string }).stdout };
  }
}

export const dig = (name: string, type: string, ...more: readonly string[]): readonly string[] => [
  "dig",
  "@127.0.0.1",
  "+tries=1",
  "+time=5",
  ...more,
  name,
  type,
];

/** Questions of c-ares, so many at once that their answers fit into a socket's queue. */
const cares = [
  process.execPath,
  "-e",
  `const { promises: { Resolver } } = require("node:dns");
const resolver = new Resolver({ timeout: 5000, tries: 1 });
resolver.setServers(["127.0.0.1"]);
const types = ["A", "AAAA", "TXT", "MX", "PTR"];
(async () => {
  for (let wave = 0; wave < 400; wave += 40) {
    await Promise.allSettled(Array.from({ length: 40 }, (_, part) => {
      const n = wave + part;
      const name = ["a", "six", "none", "t", "long"][n % 5] + (n % 7 ? ".test" : ".other");
      return resolver.resolve(name, types[n % 3 + (n % 2)]);
    }));
  }
})();`,
];

/** glibc's resolver in threads: two questions by one sendmmsg(2) each. */
const glibc = [
  "/usr/bin/python3",
  "-c",
  `import socket, threading
def ask(part):
    for n in range(50):
        try:
            socket.getaddrinfo(("a.test", "six.test", "none.test", "a.other")[(n + part) % 4], 80)
        except OSError:
            pass
threads = [threading.Thread(target=ask, args=(part,)) for part in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()`,
];

/** Python's own datagrams, from sockets that are not connected, IPv4 and IPv6; all at once, then the answers. */
const python = [
  "/usr/bin/python3",
  "-c",
  `import socket, struct
for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.settimeout(10)
    for part in range(10):
        for n in range(20):
            name = (b"\\x01a\\x04TEST\\x00", b"\\x04none\\x04test\\x00")[n % 2]
            kind = (1, 28, 16)[n % 3]
            s.sendto(struct.pack("!6H", 1000 * part + n, 0x100, 1, 0, 0, 0) + name + struct.pack("!2H", kind, 1), (address, 53))
        for n in range(20):
            s.recv(4096)`,
];

/** Asks by all clients at once, some of it over TCP; the clients' processes. */
export async function askAll(network: NetworkNamespace): Promise<readonly number[]> {
  const digs = ["A", "AAAA", "TXT", "MX", "SOA", "SRV"].flatMap((type, index) => [
    dig("a.test", type),
    dig("none.test", type, index % 2 === 0 ? "+tcp" : "+notcp"),
    dig("long.test", type, "+bufsize=512"),
    dig("a.other", type, "+noedns"),
  ]);
  const done = await Promise.all([cares, glibc, python, ...digs].map((command) => client(network, command)));
  return done.map(({ pid }) => pid);
}

/** Questions by a label, of processes. */
export function by(label: string, samples: Samples, metric: string, pids: readonly number[]): Counts {
  const wanted = new Set(pids.map(String));
  return tally(
    [...select(samples, `${metric}_count`, {})]
      .filter(([series]) => wanted.has(labelIn(series, "pid")))
      .map(([series, count]) => [labelIn(series, label), count] as const),
  );
}

/** What there is more than earlier. */
export function lessThan(counts: Counts, earlier: Counts): Counts {
  const differences = Object.entries(counts).map(([key, count]) => [key, count - (earlier[key] ?? 0)] as const);
  return Object.fromEntries(differences.filter(([, count]) => count !== 0));
}

export interface Server {
  readonly network: NetworkNamespace;
  /** Its processes: dnsmasq answers a connection of TCP in one of its own. */
  readonly pids: (samples: Samples) => readonly number[];
  /** Answers by code, and questions by type, since its start. */
  counts(): Promise<{ codes: Counts; types: Counts }>;
}

/** dnsmasq, which answers for `.test`, and refuses all else. */
export interface Dnsmasq extends Server {
  readonly pid: number;
  readonly log: string;
  counts(): Promise<{ codes: Counts; types: Counts; names: Counts }>;
}

const text = "x".repeat(200);

export async function startDnsmasq(scope: Scope): Promise<Dnsmasq> {
  const network = resolvingNetwork(scope);
  const log = scratch(`dnsmasq-${network.name}.log`);
  const options = [
    ...["--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root", "--pid-file=", "--cache-size=0"],
    ...["--bind-interfaces", "--listen-address=127.0.0.1", "--listen-address=::1", "--local=/test/"],
    ...[
      "--host-record=a.test,192.0.2.1,2001:db8::1",
      "--host-record=six.test,2001:db8::6",
      "--mx-host=a.test,six.test,5",
    ],
    ...["--txt-record=t.test,short", ...Array.from({ length: 6 }, (_, n) => `--txt-record=long.test,${n}${text}`)],
    ...["--log-queries=extra", `--log-facility=${log}`],
  ];
  const { pid = 0 } = startInside(scope, network, ["dnsmasq", "--keep-in-foreground", ...options]);
  await eventually(async () => {
    assert.match((await client(network, dig("ready.test", "A", "+time=1"))).stdout, /NXDOMAIN/);
  });
  return {
    network,
    pid,
    log,
    pids: (samples) =>
      [...select(samples, `${serverMetric}_count`, {})]
        .map(([series]) => series)
        .filter((series) => labelIn(series, "comm") === "dnsmasq")
        .map((series) => Number(labelIn(series, "pid")))
        .concat(pid),
    async counts() {
      // It writes a question's lines at once, but may write them later than it answers.
      let read = "";
      while (readFileSync(log, "utf8") !== read) {
        read = readFileSync(log, "utf8");
        await setTimeout(200);
      }
      const codes = new Map<string, string>();
      const types: [string, number][] = [];
      const names: [string, number][] = [];
      for (const [, number = "", what = ""] of read.matchAll(/dnsmasq\[\d+\]: (\d+) \S+ (.*)$/gm)) {
        const [, type] = /^query\[(\S+)\]/.exec(what) ?? [];
        if (type !== undefined) {
          types.push([type, 1]);
          names.push([(what.split(" ")[1] ?? "").toLowerCase(), 1]);
          codes.set(number, "NOERROR");
        }
        const [, code] = /is (NXDOMAIN|REFUSED|SERVFAIL|NOTIMP)\b/.exec(what) ?? [];
        if (code !== undefined) {
          codes.set(number, code);
        }
      }
      return { codes: tally([...codes.values()].map((code) => [code, 1])), types: tally(types), names: tally(names) };
    },
  };
}

export async function startUnbound(scope: Scope): Promise<Server> {
  const network = resolvingNetwork(scope);
  const folder = scratch(`unbound-${network.name}`);
  mkdirSync(folder);
  const config = `${folder}/unbound.conf`;
  writeFileSync(
    config,
    `server:
  directory: "${folder}"
  chroot: ""
  username: ""
  pidfile: "${folder}/pid"
  use-syslog: no
  logfile: ""
  interface: 127.0.0.1
  interface: ::1
  num-threads: 2
  extended-statistics: yes
  statistics-cumulative: yes
  module-config: "iterator"
  do-not-query-localhost: yes
  local-zone: "test." static
  local-zone: "other." refuse
  local-data: "a.test. A 192.0.2.1"
  local-data: "a.test. AAAA 2001:db8::1"
  local-data: "a.test. MX 5 six.test."
  local-data: "six.test. AAAA 2001:db8::6"
  local-data: "t.test. TXT short"
${Array.from({ length: 6 }, (_, n) => `  local-data: "long.test. TXT ${n}${text}"`).join("\n")}
remote-control:
  control-enable: yes
  control-interface: "${folder}/control"
`,
  );
  const { pid = 0 } = startInside(scope, network, ["unbound", "-d", "-c", config]);
  await eventually(async () => {
    assert.match((await client(network, dig("ready.test", "A", "+time=1"))).stdout, /NXDOMAIN/);
  });
  return {
    network,
    pids: () => [pid],
    async counts() {
      const { stdout } = await run("unbound-control", ["-c", config, "stats_noreset"]);
      const numbers = (kind: string): Counts =>
        tally(
          Array.from(
            stdout.matchAll(new RegExp(`^num\\.${kind}\\.([A-Z]\\w*)=(\\d+)`, "gm")),
            ([, name = "", count]) => [name, Number(count)] as const,
          ).filter(([, count]) => count > 0),
        );
      return { codes: numbers("answer\\.rcode"), types: numbers("query\\.type") };
    },
  };
}
