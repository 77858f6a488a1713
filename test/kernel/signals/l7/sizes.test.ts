/** Sizes of HTTP's bodies: as nginx logs them, by status; and in conversations of which each size is known, at both ends. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { describe, it } from "node:test";

import { startAgent, unlimitedSeries } from "../../support/agent.js";
import { labelIn, tally } from "../../support/conversations.js";
import { eventually } from "../../support/eventually.js";
import { startNginx, startWrk } from "../../support/nginx.js";
import { type Samples, select } from "../../support/samples.js";
import { suiteScope } from "../../support/scope.js";

const flags = ["--signals=l7", "--l7.http.sizes", ...unlimitedSeries];

const roles = ["client", "server"] as const;
const messages = ["request", "response"] as const;

/** Sums, or counts, of sizes by status. */
function sizes(samples: Samples, pid: number, role: string, message: string, what: "sum" | "count") {
  const metric = `http_${role}_${message}_body_size_bytes_${what}`;
  return tally(
    [...select(samples, metric, { pid })].map(
      ([series, value]) => [labelIn(series, "http_response_status_code") || "none", value] as const,
    ),
  );
}

/** Bodies of several sizes, of requests and of responses. */
const script = `
local n = 0
request = function()
  n = n + 1
  local targets = {"/", "/big", "/none", "/yes"}
  if n % 3 == 0 then
    return wrk.format("POST", "/yes", nil, string.rep("b", n % 5000))
  end
  return wrk.format("GET", targets[n % 4 + 1])
end`;

type Step = readonly [who: "C" | "S", text: string];

interface Conversation {
  readonly name: string;
  readonly steps: readonly Step[];
  /** Of each request, by status: the bytes of its body, and of its response's. */
  readonly expected: readonly (readonly [status: string, request: number, response: number])[];
}

const head = (method: string, more = ""): string => `${method} / HTTP/1.1\r\nHost: x\r\n${more}\r\n`;
const post = (size: number, more = ""): string =>
  `${head("POST", `Content-Length: ${size}\r\n${more}`)}${"p".repeat(size)}`;
const ok = (size: number): string => `HTTP/1.1 222 OK\r\nContent-Length: ${size}\r\n\r\n${"r".repeat(size)}`;
const inChunks = (...counts: readonly number[]): string =>
  [...counts, 0].map((size) => `${size.toString(16)};x=y\r\n${size === 0 ? "" : `${"c".repeat(size)}\r\n`}`).join("");
const chunked = "Transfer-Encoding: chunked\r\n";

const conversations: readonly Conversation[] = [
  {
    name: "of known length",
    steps: [
      ["C", post(70)],
      ["S", ok(1000)],
      ["C", head("GET")],
      ["S", ok(0)],
      ["C", post(5).slice(0, -3)],
      ["C", "ppp"],
      ["S", ok(3).slice(0, -1)],
      ["S", "r"],
    ],
    expected: [
      ["222", 70, 1000],
      ["222", 0, 0],
      ["222", 5, 3],
    ],
  },
  {
    name: "in chunks",
    steps: [
      ["C", `${head("PUT", chunked)}${inChunks(10, 300)}Trailer: yes\r\n\r\n`],
      ["S", `HTTP/1.1 201 Made\r\n${chunked}\r\n${inChunks(4000, 1)}\r\n`],
      ["C", `${head("PUT", `Content-Length: 7\r\n${chunked}`)}${inChunks(2)}\r\n`],
      ["S", ok(1)],
    ],
    expected: [
      ["201", 310, 4001],
      ["222", 2, 1],
    ],
  },
  {
    name: "without a body whatever the head says",
    steps: [
      ["C", head("HEAD")],
      ["S", "HTTP/1.1 222 OK\r\nContent-Length: 5000\r\n\r\n"],
      ["C", head("GET")],
      ["S", "HTTP/1.1 304 Same\r\nContent-Length: 5000\r\n\r\n"],
      ["C", head("POST", "Content-Length: 900\r\nExpect: 100-continue\r\n")],
      ["S", "HTTP/1.1 417 No\r\nContent-Length: 2\r\n\r\nno"],
      ["C", post(4)],
      ["S", "HTTP/1.1 100 Go on\r\n\r\n"],
      ["S", ok(6)],
    ],
    expected: [
      ["222", 0, 0],
      ["304", 0, 0],
      ["417", 0, 2],
      ["222", 4, 6],
    ],
  },
  {
    name: "of a pipeline",
    steps: [
      ["C", Array.from({ length: 40 }, (_, n) => post(100 + n)).join("")],
      ["S", Array.from({ length: 39 }, (_, n) => ok(n)).join("")],
      ["C", post(9).slice(0, 30)],
      ["S", ok(39)],
      ["C", post(9).slice(30)],
      ["S", ok(10_000)],
    ],
    expected: [...Array.from({ length: 40 }, (_, n) => ["222", 100 + n, n] as const), ["222", 9, 10_000]],
  },
  {
    name: "to the connection's end",
    steps: [
      ["C", post(11)],
      ["S", `HTTP/1.1 203 So\r\n\r\n${"u".repeat(777)}`],
      ["S", "u".repeat(3)],
    ],
    expected: [["203", 11, 780]],
  },
  {
    name: "that are cut off, or answered early",
    steps: [
      ["C", post(500).slice(0, -100)],
      ["S", "HTTP/1.1 413 Much\r\nContent-Length: 3\r\n\r\nmuc"],
      ["C", "p".repeat(100)],
      ["C", post(12)],
      ["S", ok(80).slice(0, -30)],
    ],
    expected: [
      ["413", 400, 3],
      ["222", 12, 50],
    ],
  },
  {
    name: "of a request that is not answered",
    steps: [["C", post(21)]],
    expected: [["none", 21, 0]],
  },
];

/** Plays a conversation, each step once the one before it has been received. */
async function play({ steps }: Conversation): Promise<void> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1").setNoDelay();
  const [accepted] = (await once(server, "connection")) as [Socket];
  accepted.setNoDelay();
  const ends = { C: client, S: accepted } as const;
  client.resume();
  accepted.resume();
  const sent = { C: 0, S: 0 };
  for (const [who, text] of steps) {
    ends[who].write(text);
    sent[who] += text.length;
    await eventually(() => assert.equal(ends[who === "C" ? "S" : "C"].bytesRead, sent[who]));
  }
  const closed = Promise.all([once(client, "close"), once(accepted, "close")]);
  accepted.end();
  client.end();
  await closed;
  server.close();
}

/** What there is more than before. The scrapes are requests of this process too, with a status that no conversation has. */
function less(counts: Record<string, number>, before: Record<string, number>): Record<string, number> {
  return tally(
    Object.entries(counts).flatMap(([key, count]) =>
      count !== (before[key] ?? 0) && key !== "200" ? [[key, count - (before[key] ?? 0)] as const] : [],
    ),
  );
}

describe("sizes of bodies", () => {
  const scope = suiteScope();
  const running = startAgent(scope, flags);

  it("are those that nginx logs, by status, at full rate, as many as there are requests", async (t) => {
    const nginx = await startNginx(t, 'location /yes { return 200 "yes"; }', " $body_bytes_sent $content_length");
    const agent = await running;
    const wrk = await startWrk(nginx, script, 1).counts;
    await nginx.logged();
    const samples = await agent.scrape();
    const logged = nginx.lines().map((line) => line.split(" "));
    const by = (value: (fields: readonly string[]) => number): Record<string, number> =>
      tally(logged.map((fields) => [fields[0] ?? "", value(fields)] as const));
    const expected = {
      count: by(() => 1),
      request: by((fields) => Number(fields[3]) || 0),
      response: by((fields) => Number(fields[2])),
    };
    assert(wrk.requests > 100 && (expected.request["200"] ?? 0) > 0, `${wrk.requests} requests`);
    for (const message of messages) {
      assert.deepEqual(sizes(samples, nginx.worker, "server", message, "count"), expected.count, message);
      assert.deepEqual(sizes(samples, nginx.worker, "server", message, "sum"), expected[message], message);
    }
    for (const [series, count] of select(samples, "http_server_response_body_size_bytes_count", {
      pid: nginx.worker,
    })) {
      assert(!series.includes("http_route"));
      const last = series.replace("_count{", "_bucket{").replace(/\}$/, ',le="+Inf"}');
      assert.equal(samples.get(last), count, series);
    }
  });

  for (const conversation of conversations) {
    const { name, expected } = conversation;
    it(`${name} are those of the conversation, at both ends`, async () => {
      const agent = await running;
      const before = await agent.scrape();
      await play(conversation);
      await eventually(async () => {
        const samples = await agent.scrape();
        for (const [role, [index, message]] of roles.flatMap((role) =>
          [...messages.entries()].map((each) => [role, each] as const),
        )) {
          const of = (what: "sum" | "count"): Record<string, number> =>
            less(sizes(samples, process.pid, role, message, what), sizes(before, process.pid, role, message, what));
          const sums = tally(expected.map((sizes) => [sizes[0], sizes[1 + index] as number] as const));
          assert.deepEqual(of("count"), tally(expected.map(([status]) => [status, 1] as const)), `${role}: ${message}`);
          assert.deepEqual(
            of("sum"),
            Object.fromEntries(Object.entries(sums).filter(([, sum]) => sum > 0)),
            `${role}: ${message}`,
          );
        }
      });
    });
  }
});
