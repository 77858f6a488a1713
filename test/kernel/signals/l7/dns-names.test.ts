/** Names of DNS questions: as dnsmasq logs them, whatever has a record or not; hostile ones; and none unless they are asked for. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";

import { startAgent, unlimitedSeries } from "../../support/agent.js";
import { tally } from "../../support/conversations.js";
import {
  askAll,
  by,
  client,
  clientMetric,
  type Counts,
  dig,
  resolvingNetwork,
  serverMetric,
  startDnsmasq,
  startInside,
} from "../../support/dns-servers.js";
import { eventually } from "../../support/eventually.js";
import { type Samples, select, sum } from "../../support/samples.js";
import { suiteScope } from "../../support/scope.js";
import { startTrace } from "../../support/trace.js";

const label = "dns_question_name";

const flags = ["--signals=l7", "--l7.dns.names", ...unlimitedSeries];

function total(counts: Counts): number {
  return Object.values(counts).reduce((all, count) => all + count, 0);
}

/** Answers each question with itself, those with `silent` in their names not at all; prints that it is ready. */
const echo = [
  "/usr/bin/python3",
  "-c",
  `import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 53))
print("ready", flush=True)
while True:
    question, client = s.recvfrom(4096)
    if b"silent" not in question:
        s.sendto(question[:2] + b"\\x81\\x80" + question[4:], client)`,
];

/** Asks for names, as messages have them, one after the other; those that are not answered are not waited for. */
function asking(names: readonly Buffer[]): readonly string[] {
  const program = `import socket, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(("127.0.0.1", 53))
s.settimeout(10)
for n, name in enumerate(sys.argv[1:]):
    name = bytes.fromhex(name)
    s.send(struct.pack("!6H", n, 0x100, 1, 0, 0, 0) + name + struct.pack("!2H", 1, 1))
    if b"silent" not in name:
        s.recv(4096)`;
  return ["/usr/bin/python3", "-c", program, ...names.map((name) => name.toString("hex"))];
}

/** A name of labels, as messages have it. */
function wire(...labels: readonly (string | Buffer)[]): Buffer {
  const parts = labels.map((text) => Buffer.from(text)).flatMap((bytes) => [Buffer.from([bytes.length]), bytes]);
  return Buffer.concat([...parts, Buffer.from([0])]);
}

describe("names of questions", () => {
  const scope = suiteScope();
  const started = startDnsmasq(scope);

  it("are those that dnsmasq logs, at both ends, over UDP and TCP", async (t) => {
    const server = await started;
    const agent = await startAgent(t, [...flags, "--ring.size=16MiB"]);
    const { names: earlier } = await server.counts();
    const clients = await askAll(server.network);
    const { names } = await server.counts();
    const expected = tally(
      Object.entries(names).flatMap(([name, count]) => {
        const more = count - (earlier[name] ?? 0);
        return more > 0 ? [[name, more] as const] : [];
      }),
    );
    assert(Object.keys(expected).length >= 8, JSON.stringify(expected));
    const samples = await agent.scrape();
    assert.deepEqual(by(label, samples, serverMetric, server.pids(samples)), expected);
    assert.deepEqual(by(label, samples, clientMetric, clients), expected);
  });

  it("add up to what dnsmasq logs while records are lost: by code, the rest is ~unknown and ~other", async (t) => {
    const server = await started;
    const agent = await startAgent(t, [...flags, "--ring.size=64KiB", "--l7.dns.names-limit=3"]);
    const { codes: earlier } = await server.counts();
    await client(server.network, dig("a.test", "A"));
    const stopping = (async () => {
      process.kill(agent.pid, "SIGSTOP");
      await setTimeout(1_000);
      process.kill(agent.pid, "SIGCONT");
    })();
    await askAll(server.network);
    await stopping;
    await askAll(server.network);
    const { codes } = await server.counts();
    const samples = await agent.scrape();
    const pids = server.pids(samples);
    const expected = tally(
      Object.entries(codes).flatMap(([code, count]) =>
        count > (earlier[code] ?? 0) ? [[code, count - (earlier[code] ?? 0)] as const] : [],
      ),
    );
    assert.deepEqual(by("dns_response_code", samples, serverMetric, pids), expected);
    const names = by(label, samples, serverMetric, pids);
    assert.equal(total(names), total(expected));
    assert(
      (names["~unknown"] ?? 0) > 0 && (names["~other"] ?? 0) > 0 && (names["a.test"] ?? 0) > 0,
      JSON.stringify(names),
    );
    assert(Object.keys(names).length <= 5, JSON.stringify(names));
    assert(sum(samples, "ringtap_events_dropped_total", { signal: "l7", reason: "ring_full" }) > 0);
  });

  it("are shown as text whatever bytes they have; long ones as ~other; those of time-outs too", async (t) => {
    const network = resolvingNetwork(t);
    const server = startInside(t, network, echo);
    await new Promise((resolve) => server.stdout?.once("data", resolve));
    const agent = await startAgent(t, [...flags, "--l7.dns-timeout=1s"]);
    const long = "x".repeat(63);
    const asked = [
      [wire("WWW", "Example", "COM"), "www.example.com"],
      [wire("www", "example", "com"), "www.example.com"],
      [wire("a.b", "c\0d", 'e"\n\\'), 'a\\.b.c\\000d.e\\"\\010\\\\'],
      [wire(Buffer.from([0xff, 0xc3, 0x84, 0x5b, 0x40, 0x5a]), "test"), "\\255\\195\\132[\\@z.test"],
      [wire(), "."],
      [wire(long, "x".repeat(14)), `${long}.${"x".repeat(14)}`],
      [wire(long, "x".repeat(15)), "~other"],
      [wire(long, long, long, "x".repeat(61)), "~other"],
      [wire("silent", "test"), "silent.test"],
      [wire("silent", long), `silent.${long}`],
      // Not names: a pointer to itself, and one that leads to another; a label without its end.
      [Buffer.from([0xc0, 0x0c]), undefined],
      [Buffer.from("0161c010c00c", "hex"), undefined],
      [Buffer.from([0x3f, 0x61]), undefined],
    ] as const;
    const answered = asked.flatMap(([name, text]) => (text === undefined ? [] : [name]));
    const broken = asked.flatMap(([name, text]) => (text === undefined ? [name] : []));
    const { pid } = await client(network, asking(answered));
    const other = await client(network, asking(broken));
    const expected = tally(asked.flatMap(([, text]) => (text === undefined ? [] : [[text, 1] as const])));
    const named = (samples: Samples, metric: string, of: number): Counts =>
      tally(
        [...select(samples, `${metric}_count`, { pid: of })].map(
          ([series, count]) => [JSON.parse(`"${valueIn(series)}"`) as string, count] as const,
        ),
      );
    await eventually(async () => {
      const samples = await agent.scrape();
      assert.deepEqual(named(samples, clientMetric, pid), expected);
      assert.deepEqual(named(samples, serverMetric, server.pid ?? 0), expected);
      const lost = { protocol: "dns", reason: "malformed" };
      assert.equal(sum(samples, "ringtap_l7_lost_requests_total", { ...lost, pid: other.pid }), broken.length);
    });
  });

  it("are traced where they are asked for, and only there", async (t) => {
    const server = await started;
    const where = ["--output=json", "--where", `protocol=dns role=server pid=${server.pid}`];
    const named = await startTrace(t, ["l7", "--l7.dns.names", ...where, "--where", "name~^none"]);
    const nameless = await startTrace(t, ["l7", ...where]);
    const agent = await startAgent(t, ["--signals=l7", ...unlimitedSeries]);
    for (const name of ["a.test", "None.test", "six.test"]) {
      await client(server.network, dig(name, "A"));
    }
    await eventually(() => {
      assert.deepEqual(
        named.events().map(({ name, code }) => [name, code]),
        [["none.test", "NXDOMAIN"]],
      );
      assert.deepEqual(
        nameless.events().map(({ name, code }) => [name, code]),
        [
          [undefined, undefined],
          [undefined, "NXDOMAIN"],
          [undefined, undefined],
        ],
      );
    });
    for (const [series] of select(await agent.scrape(), `${serverMetric}_count`, {})) {
      assert(!series.includes(label), series);
    }
  });
});

/** The value of the label, with its escapes. */
function valueIn(series: string): string {
  return new RegExp(`[{,]${label}="((?:[^"\\\\]|\\\\.)*)"`).exec(series)?.[1] ?? "";
}
