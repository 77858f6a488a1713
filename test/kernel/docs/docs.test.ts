/** docs/metrics.md and the README against what a running agent serves: names, types and labels. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { createSocket, type Socket } from "node:dgram";
import { createServer } from "node:http";
import { connect as connectHttp2, createServer as createHttp2Server } from "node:http2";
import { type AddressInfo, connect, createServer as createTcpServer } from "node:net";
import { before, describe, it } from "node:test";

import { codeRows, readDocument, section } from "../../docs/documents.js";
import { startAgent } from "../support/agent.js";
import { controlGroup, hierarchy } from "../support/cgroups.js";
import { scratch } from "../support/program.js";
import { suiteScope } from "../support/scope.js";

/** Labels of `{id}`, by default. */
const identity = ["pid", "comm"];

interface Metric {
  readonly type: string;
  readonly labels: readonly string[];
}

/** The metrics that a document's tables have: ``| `name` | type `{labels}` | …``. */
function documented(text: string): ReadonlyMap<string, Metric> {
  const metrics = new Map<string, Metric>();
  for (const [name = "", kind = ""] of codeRows(text)) {
    const [, type, , braced = ""] = /^(counter|gauge|histogram)( `\{([\w,]*)\}`)?/.exec(kind) ?? [];
    if (ours.test(name) && type !== undefined) {
      const labels = braced.split(",").flatMap((label) => (label === "id" ? identity : label === "" ? [] : [label]));
      metrics.set(name, { type, labels });
    }
  }
  return metrics;
}

/** The metrics that the text format declares. */
function declared(text: string): ReadonlyMap<string, string> {
  return new Map(Array.from(text.matchAll(/^# TYPE (\S+) (\S+)$/gm), ([, name = "", type = ""]) => [name, type]));
}

/** The labels of that series of a metric which has most, since empty ones are left out; not `le`; undefined while it has no series. */
function labelsOf(text: string, name: string): readonly string[] | undefined {
  const series = text.matchAll(new RegExp(`^${name}(?:_bucket|_count)?(?:\\{(.*)\\})? \\S+$`, "gm"));
  const [labels = []] = Array.from(series, ([, braced = ""]) =>
    Array.from(braced.matchAll(/(?:^|,)(\w+)="(?:[^"\\]|\\.)*"/g), ([, label = ""]) => label),
  ).toSorted((left, right) => right.length - left.length);
  return new RegExp(`^${name}(_bucket)?[ {]`, "m").test(text) ? labels.filter((label) => label !== "le") : undefined;
}

/** Opens a connection that carries data and ends. */
async function oneConnection(): Promise<void> {
  const server = createServer((_, response) => response.end());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: "close" } });
  await new Promise((resolve) => server.close(resolve));
}

/** Sends a datagram to a port that no one listens on, and has the disk write. */
async function oneDatagram(): Promise<void> {
  const socket = createSocket("udp4");
  await new Promise((resolve) => socket.send("x", 9, "127.0.0.1", resolve));
  socket.close();
  execFileSync("dd", ["if=/dev/zero", `of=${scratch("written")}`, "bs=64k", "count=1", "conv=fsync", "status=none"]);
}

/** Sends bytes to a server that answers so. */
async function exchange(request: Uint8Array, response: Uint8Array): Promise<void> {
  const server = createTcpServer((socket) => {
    socket.once("data", () => socket.end(response));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const socket = connect(port, "127.0.0.1").end(request).resume();
  await new Promise((resolve) => socket.once("close", resolve));
  await new Promise((resolve) => server.close(resolve));
}

/** A command of Redis. */
async function oneCommand(): Promise<void> {
  await exchange(Buffer.from("PING\r\n"), Buffer.from("+PONG\r\n"));
}

/** Kafka's ApiVersions, of version 0. */
async function oneMessage(): Promise<void> {
  await exchange(
    Buffer.from("0000000b0012000000000001000161", "hex"),
    Buffer.from("0000000a00000001000000000000", "hex"),
  );
}

/** Asks the same thing of DNS twice, and is answered three times. */
async function oneQuestion(): Promise<void> {
  const [server, client] = [createSocket("udp4"), createSocket("udp4")];
  // The loopback has many addresses: at some of them a resolver may listen.
  await new Promise<void>((resolve) => server.bind(53, "127.0.53.53", resolve));
  const question = Buffer.from("0035010000010000000000000000010001", "hex");
  const arrived = (socket: Socket, count: number): Promise<void> =>
    new Promise((resolve) => socket.on("message", () => --count === 0 && resolve()));
  const [asked, answered] = [arrived(server, 2), arrived(client, 3)];
  await new Promise<void>((resolve) => client.connect(53, "127.0.53.53", resolve));
  client.send(question);
  client.send(question);
  await asked;
  question.writeUInt8(0x81, 2);
  for (let count = 0; count < 3; count++) {
    server.send(question, client.address().port, "127.0.0.1");
  }
  await answered;
  server.close();
  client.close();
}

/** A call of gRPC, as far as its headers are. */
async function oneCall(): Promise<void> {
  const server = createHttp2Server().on("stream", (stream) => {
    stream.respond({ ":status": 200, "content-type": "application/grpc", "grpc-status": "0" }, { endStream: true });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  const stream = session.request({ ":method": "POST", "content-type": "application/grpc" }).end().resume();
  await new Promise((resolve) => stream.once("close", resolve));
  await new Promise<void>((resolve) => session.close(resolve));
  await new Promise((resolve) => server.close(resolve));
}

/** Names of ringtap's own metrics, not of its process. */
const ours = /^(ringtap|http|rpc|db|messaging|dns)_/;

describe("docs/metrics.md", () => {
  const page = readDocument("docs/metrics.md");
  const written = documented(page);
  const scope = suiteScope();
  let text = "";

  before(async () => {
    // An API server that is not there shows all metrics about Kubernetes, those of its errors too.
    const kubernetes = [
      "--kubernetes.api-url=https://127.0.0.1:1",
      "--kubernetes.node-name=node-1",
      "--kubernetes.pod-labels=app",
    ];
    const agent = await startAgent(scope, ["--bpf.stats", "--cgroup.hierarchy=unified", ...kubernetes]);
    await oneConnection();
    await controlGroup(scope, hierarchy("cgroup2"), `ringtap-docs-${process.pid}`).remove();
    // What has another name when it is no estimate, and what is there with a limit alone.
    const timing = await startAgent(scope, ["--signals=syscall", "--syscall.timing=all", "--overhead.limit=50%"]);
    const requests = await startAgent(scope, [
      "--signals=l7,block,drop,udp,sched,kill,memory",
      "--memory.page-cache",
      "--l7.tls",
      "--l7.unix",
      "--l7.http.sizes",
    ]);
    spawnSync("cat", ["/nonexistent"]);
    await oneConnection();
    await oneDatagram();
    await oneCommand();
    await oneMessage();
    await oneQuestion();
    await oneCall();
    const texts: string[] = [];
    for (const each of [agent, timing, requests]) {
      await each.get("/metrics");
      texts.push(await (await each.get("/metrics")).text());
    }
    text = texts.join("\n");
  });

  it("has each metric of ringtap's, with its type", () => {
    const served = Array.from(declared(text)).filter(([name]) => ours.test(name));
    assert.deepEqual(Array.from(written, ([name, { type }]) => [name, type]).toSorted(), served.toSorted());
  });

  it("has each metric of the agent's process", () => {
    const names = Array.from(page.matchAll(/`((?:process|nodejs)_\w+)`/g), ([, name = ""]) => name);
    const served = [...declared(text).keys()].filter((name) => !ours.test(name));
    assert.deepEqual([...new Set(names)].toSorted(), served.toSorted());
  });

  it("has the labels of each metric that shows any", () => {
    const shown = Array.from(written, ([name, { labels }]) => ({ name, labels, served: labelsOf(text, name) }));
    for (const { name, labels, served } of shown) {
      assert.deepEqual(served ?? labels, labels, name);
    }
    // All but those that need a lossy network or a reset, what requests lose, failures of disks, full queues, what is under way at the scrape, and limits of CPU time and memory.
    const unseen = shown.filter(({ served }) => served === undefined).map(({ name }) => name);
    assert(unseen.length <= 24, unseen.join(", "));
  });

  it("agrees with the README", () => {
    const inReadme = Array.from(
      section(readDocument("README.md"), "## Metrics").matchAll(/`(ringtap_\w+)\{([\w,]*)\}`/g),
      ([, name = "", labels = ""]) => [name, labels],
    );
    const inPage = Array.from(page.matchAll(/^\| `(ringtap_\w+)` \| \w+ `\{([\w,]*)\}`/gm), ([, name, labels]) => [
      name,
      labels,
    ]);
    const ofSignals = inPage.filter(([name = ""]) =>
      /^ringtap_(cgroup|tcp|syscall|file|l7|db|messaging|dns|block|drop|udp|sched|kill|memory|process)/.test(name),
    );
    assert.deepEqual(inReadme.toSorted(), ofSignals.toSorted());
  });
});
