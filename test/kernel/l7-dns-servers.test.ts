/** l7 against dnsmasq and unbound: their own counts, by code and type, and ringtap's are equal, at both ends, for clients that differ. */
import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";

import { type Agent, startAgent, unlimitedSeries } from "./support/agent.js";
import { labelIn, tally } from "./support/conversations.js";
import { eventually } from "./support/eventually.js";
import { type NetworkNamespace, networkNamespace } from "./support/network.js";
import { scratch } from "./support/program.js";
import { type Samples, select, sum } from "./support/samples.js";
import { type Scope, suiteScope } from "./support/scope.js";
import { end } from "./support/servers.js";
import { startTrace } from "./support/trace.js";

const run = promisify(execFile);

type Counts = Record<string, number>;

const clientMetric = "dns_lookup_duration_seconds";
const serverMetric = "ringtap_dns_server_lookup_duration_seconds";

/** A network namespace whose resolver is its own loopback. */
function resolvingNetwork(scope: Scope): NetworkNamespace {
  const network = networkNamespace(scope);
  const folder = `/etc/netns/${network.name}`;
  mkdirSync(folder, { recursive: true });
  scope.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(`${folder}/resolv.conf`, "nameserver 127.0.0.1\noptions timeout:1 attempts:2\n");
  return network;
}

function startInside(scope: Scope, { prefix }: NetworkNamespace, command: readonly string[]): ChildProcess {
  const [file = "", ...args] = [...prefix, ...command];
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "inherit"] });
  scope.after(() => (child.exitCode === null && child.signalCode === null ? end(child) : undefined));
  return child;
}

/** Runs a client to its end. Its exit status is its own affair: dig's tells of an answer that is none. */
async function client(
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

const dig = (name: string, type: string, ...more: readonly string[]): readonly string[] => [
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
async function askAll(network: NetworkNamespace): Promise<readonly number[]> {
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
function by(label: string, samples: Samples, metric: string, pids: readonly number[]): Counts {
  const wanted = new Set(pids.map(String));
  return tally(
    [...select(samples, `${metric}_count`, {})]
      .filter(([series]) => wanted.has(labelIn(series, "pid")))
      .map(([series, count]) => [labelIn(series, label), count] as const),
  );
}

/** What there is more than earlier. */
function lessThan(counts: Counts, earlier: Counts): Counts {
  const differences = Object.entries(counts).map(([key, count]) => [key, count - (earlier[key] ?? 0)] as const);
  return Object.fromEntries(differences.filter(([, count]) => count !== 0));
}

interface Server {
  readonly network: NetworkNamespace;
  /** Its processes: dnsmasq answers a connection of TCP in one of its own. */
  readonly pids: (samples: Samples) => readonly number[];
  /** Answers by code, and questions by type, since its start. */
  counts(): Promise<{ codes: Counts; types: Counts }>;
}

const text = "x".repeat(200);

async function startDnsmasq(scope: Scope): Promise<Server & { readonly pid: number; readonly log: string }> {
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
      for (const [, number = "", what = ""] of read.matchAll(/dnsmasq\[\d+\]: (\d+) \S+ (.*)$/gm)) {
        const [, type] = /^query\[(\S+)\]/.exec(what) ?? [];
        if (type !== undefined) {
          types.push([type, 1]);
          codes.set(number, "NOERROR");
        }
        const [, code] = /is (NXDOMAIN|REFUSED|SERVFAIL|NOTIMP)\b/.exec(what) ?? [];
        if (code !== undefined) {
          codes.set(number, code);
        }
      }
      return { codes: tally([...codes.values()].map((code) => [code, 1])), types: tally(types) };
    },
  };
}

async function startUnbound(scope: Scope): Promise<Server> {
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

for (const [name, start] of [
  ["dnsmasq", startDnsmasq],
  ["unbound", startUnbound],
] as const) {
  describe(`questions to ${name}`, () => {
    const scope = suiteScope();
    const started = start(scope);
    let running: Promise<Agent> | undefined;
    const agentStarted = async (): Promise<Agent> => {
      await started;
      return (running ??= startAgent(scope, ["--signals=l7", "--ring.size=64KiB", ...unlimitedSeries]));
    };

    it("are as many as it counts, by code and type, of clients that differ, while the agent is stopped", async () => {
      const server = await started;
      const agent = await agentStarted();
      const earlier = await server.counts();
      const before = await agent.scrape();
      const stopping = (async () => {
        await setTimeout(200);
        process.kill(agent.pid, "SIGSTOP");
        await setTimeout(1_000);
        process.kill(agent.pid, "SIGCONT");
      })();
      const clients = await askAll(server.network);
      await stopping;
      const counted = await server.counts();
      const samples = await agent.scrape();
      for (const [label, kind] of [
        ["dns_response_code", "codes"],
        ["dns_question_type", "types"],
      ] as const) {
        const expected = lessThan(counted[kind], earlier[kind]);
        const of = (when: Samples): Counts => by(label, when, serverMetric, server.pids(samples));
        assert.deepEqual(lessThan(of(samples), of(before)), expected, label);
        assert.deepEqual(by(label, samples, clientMetric, clients), expected, `${label} of the clients`);
      }
      const truncated = by("error_type", samples, clientMetric, clients).truncated ?? 0;
      assert(truncated > 0, "no answer was cut");
      for (const pid of [...clients, ...server.pids(samples)]) {
        for (const metric of ["lost_requests", "unanswered_requests", "skipped_bytes", "stray_responses"]) {
          assert.equal(sum(samples, `ringtap_l7_${metric}_total`, { pid }), 0, `${metric} of ${pid}`);
        }
      }
    });

    // dnsmasq closes a connection after a hundred questions, whatever waits on it.
    for (const transport of name === "dnsmasq" ? ["udp"] : ["udp", "tcp"]) {
      it(`are as many as dnsperf counts, where threads share sockets: ${transport}`, async () => {
        const server = await started;
        const agent = await agentStarted();
        const questions = scratch("questions");
        writeFileSync(questions, "a.test A\nnone.test AAAA\nsix.test AAAA\na.other MX\nlong.test MX\n");
        const earlier = await server.counts();
        const options = ["-s", "127.0.0.1", "-d", questions, "-n", "500", "-c", "4", "-T", "2", "-q", "60"];
        const { pid, stdout } = await client(server.network, ["dnsperf", ...options, "-m", transport]);
        const [, codes = ""] = /Response codes: *(.*)/.exec(stdout) ?? [];
        const counted = tally(
          Array.from(codes.matchAll(/([A-Z]+) (\d+) \(/g), ([, code = "", count]) => [code, Number(count)] as const),
        );
        assert.deepEqual(lessThan((await server.counts()).codes, earlier.codes), counted);
        // An answer that comes before the call that sends the question has returned waits for that.
        await eventually(async () => {
          const samples = await agent.scrape();
          assert.deepEqual(by("dns_response_code", samples, clientMetric, [pid]), counted);
          for (const metric of ["lost_requests", "unanswered_requests", "stray_responses", "repeated_requests"]) {
            assert.equal(sum(samples, `ringtap_l7_${metric}_total`, { pid }), 0, metric);
          }
        });
        assert.equal(
          Object.values(counted).reduce((all, count) => all + count, 0),
          2_500,
        );
      });
    }

    it("are as many while their records are watched, and the ring is full", async (t) => {
      const server = await started;
      const agent = await agentStarted();
      const earlier = await server.counts();
      const before = await agent.scrape();
      const watching = await agent.get("/api/live?tail=1&signals=l7");
      t.after(() => watching.body?.cancel());
      process.kill(agent.pid, "SIGSTOP");
      t.after(() => process.kill(agent.pid, "SIGCONT"));
      const clients = [...(await askAll(server.network)), ...(await askAll(server.network))];
      process.kill(agent.pid, "SIGCONT");
      const expected = lessThan((await server.counts()).codes, earlier.codes);
      const samples = await agent.scrape();
      const of = (when: Samples): Counts => by("dns_response_code", when, serverMetric, server.pids(samples));
      assert.deepEqual(lessThan(of(samples), of(before)), expected);
      assert.deepEqual(by("dns_response_code", samples, clientMetric, clients), expected);
      assert(sum(samples, "ringtap_events_dropped_total", { signal: "l7", reason: "ring_full" }) > 0);
    });
  });
}

/** Asks one question after the other until it is ended, and prints how many. */
const asking = [
  "/usr/bin/python3",
  "-c",
  `import signal, socket, struct
going = True
def stop(*_):
    global going
    going = False
signal.signal(signal.SIGTERM, stop)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(("127.0.0.1", 53))
s.settimeout(5)
n = 0
while going:
    s.send(struct.pack("!6H", n & 65535, 0x100, 1, 0, 0, 0) + b"\\x01a\\x04test\\x00" + struct.pack("!2H", 1, 1))
    s.recv(4096)
    n += 1
print(n, flush=True)`,
];

/** Never answers; prints how many datagrams there have been, each time. */
const silent = [
  "/usr/bin/python3",
  "-c",
  `import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 53))
print(0, flush=True)
n = 0
while True:
    s.recv(4096)
    n += 1
    print(n, flush=True)`,
];

/** The last number that a child has printed. */
function lastNumber(child: ChildProcess): () => number {
  let text = "";
  child.stdout?.setEncoding("utf8").on("data", (more: string) => (text += more));
  return () => (text === "" ? -1 : Number(text.trim().split("\n").at(-1)));
}

describe("questions of DNS", () => {
  it("are counted from an agent that joins late", async (t) => {
    const server = await startDnsmasq(t);
    const child = startInside(t, server.network, asking);
    const asked = lastNumber(child);
    const logged = async (): Promise<number> => (await server.counts()).codes.NOERROR ?? 0;
    const atFirst = readFileSync(server.log, "utf8").match(/query\[A\] a\.test/g)?.length ?? 0;
    const agent = await startAgent(t, ["--signals=l7", ...unlimitedSeries]);
    const later = readFileSync(server.log, "utf8").match(/query\[A\] a\.test/g)?.length ?? 0;
    const counted = async (metric: string, pid: number): Promise<number> =>
      sum(await agent.scrape(), `${metric}_count`, { pid });
    await eventually(async () => {
      assert((await counted(clientMetric, child.pid ?? 0)) > 500);
    });
    await end(child);
    const all = await logged();
    const [sent, received] = await Promise.all([
      counted(clientMetric, child.pid ?? 0),
      counted(serverMetric, server.pid),
    ]);
    assert.equal(asked(), all);
    // One question can have been under way; nothing else is missing.
    assert(all - later - 1 <= received && received <= all - atFirst, `${received} of ${all} - ${atFirst}, ${later}`);
    assert(Math.abs(sent - received) <= 1, `${sent} sent, ${received} received`);
  });

  it("that no one answers are as many as the server has received, at both ends", async (t) => {
    const network = resolvingNetwork(t);
    const server = startInside(t, network, silent);
    const received = lastNumber(server);
    await eventually(() => assert.equal(received(), 0));
    const agent = await startAgent(t, ["--signals=l7", "--l7.dns-timeout=1500ms", ...unlimitedSeries]);
    const lookup = ["/usr/bin/python3", "-c", "import socket; socket.getaddrinfo('a.test', 80)"];
    const clients = await Promise.all(
      [["dig", "@127.0.0.1", "+tries=3", "+time=1", "a.test", "MX"], lookup].map((command) => client(network, command)),
    );
    await eventually(async () => {
      const samples = await agent.scrape();
      const pids = clients.map(({ pid }) => pid);
      const errors = { timeout: received() };
      assert.deepEqual(by("error_type", samples, serverMetric, [server.pid ?? 0]), errors);
      assert.deepEqual(by("error_type", samples, clientMetric, pids), errors);
      const types = by("dns_question_type", samples, clientMetric, pids);
      assert.deepEqual(types, by("dns_question_type", samples, serverMetric, [server.pid ?? 0]));
      assert.equal(types.MX, 3);
      assert((types.A ?? 0) >= 2 && types.A === types.AAAA, JSON.stringify(types));
    });
    assert(received() >= 7);
  });

  it("are shown by trace, those that are asked for", async (t) => {
    const server = await startDnsmasq(t);
    const trace = await startTrace(t, [
      "l7",
      "--output=json",
      "--where",
      `protocol=dns pid=${server.pid} code=NXDOMAIN`,
    ]);
    for (const name of ["a.test", "none.test", "six.test", "None2.test"]) {
      await client(server.network, dig(name, "AAAA"));
    }
    const events = await eventually(() => {
      assert.equal(trace.events().length, 2);
      return trace.events();
    });
    for (const {
      signal,
      comm,
      protocol,
      role,
      operation,
      status,
      code,
      error,
      duration_seconds,
      local_port,
    } of events) {
      assert.deepEqual(
        [signal, comm, protocol, role, operation, status, code, error, local_port],
        ["l7", "dnsmasq", "dns", "server", "AAAA", undefined, "NXDOMAIN", undefined, 53],
      );
      assert(Number(duration_seconds) > 0 && Number(duration_seconds) < 5);
    }
  });
});
