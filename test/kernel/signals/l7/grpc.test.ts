/** Calls of gRPC: what a server and a client of gRPC's own library (Debian's python3-grpcio) count and ringtap counts are equal, by code. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { describe, it } from "node:test";

import { startAgent, unlimitedSeries } from "../../support/agent.js";
import { eventually } from "../../support/eventually.js";
import { withFullRing } from "../../support/full-ring.js";
import { byCode, byMethod, byPath, ofMethod } from "../../support/grpc-counts.js";
import { assertAllExact } from "../../support/left-out.js";
import { scratch } from "../../support/program.js";
import { added, type Counts, difference, total } from "../../support/request-counts.js";
import { type Samples, sum } from "../../support/samples.js";
import { type Scope, suiteScope } from "../../support/scope.js";
import { freePort } from "../../support/servers.js";
import { type Steps, startSteps } from "../../support/steps.js";
import { startTrace } from "../../support/trace.js";

/**
 * Answers methods of /test.Echo with the code that the message names, and Many after as many messages as that; Wait never.
 * Each line of its input is answered with how many calls it has ended, by code.
 */
const server = `
import collections, concurrent.futures, json, sys, threading
import grpc
counts, lock = collections.Counter(), threading.Lock()
codes = {code.value[0]: code for code in grpc.StatusCode}
def ended(number):
    with lock:
        counts[number] += 1
def one(request, context):
    number = int(request)
    ended(number)
    if number:
        context.abort(codes[number], "as it was told")
    return request
def many(request, context):
    number = int(request)
    for _ in range(number):
        yield b"x" * 3000
    ended(number)
    if number:
        context.abort(codes[number], "as it was told")
def wait(request, context):
    cancelled = threading.Event()
    context.add_callback(cancelled.set)
    cancelled.wait()
    ended("cancelled")
    return request
class Handler(grpc.GenericRpcHandler):
    def service(self, call):
        if call.method.endswith("/Many"):
            return grpc.unary_stream_rpc_method_handler(many)
        return grpc.unary_unary_rpc_method_handler(wait if call.method.endswith("/Wait") else one)
server = grpc.server(concurrent.futures.ThreadPoolExecutor(max_workers=110), handlers=[Handler()])
server.add_insecure_port("127.0.0.1:" + sys.argv[1])
server.start()
for line in sys.stdin:
    print(json.dumps(counts), flush=True)
`;

/** For each line KIND COUNT STREAMS of its input, makes so many calls over one connection, so many of them at once, and prints their codes. */
const client = `
import collections, json, sys, threading
import grpc
channel = grpc.insecure_channel("127.0.0.1:" + sys.argv[1])
grpc.channel_ready_future(channel).result(timeout=30)
one, many = channel.unary_unary("/test.Echo/One"), channel.unary_stream("/test.Echo/Many")
def begin(kind, number):
    return (one.future if kind == "one" else many if kind == "many" else channel.unary_unary("/test.Echo/" + kind).future)(str(number % 17).encode())
def make(kind, count, streams):
    counts, lock, free, done = collections.Counter(), threading.Lock(), threading.Semaphore(streams), threading.Semaphore(0)
    def ended(call):
        code = call.code().value[0]
        with lock:
            counts[code] += 1
        free.release()
        done.release()
    def read(call):
        try:
            for _ in call:
                pass
        except grpc.RpcError:
            pass
        ended(call)
    calls = []
    for number in range(count):
        free.acquire()
        call = begin(kind, number)
        if kind == "many":
            threading.Thread(target=read, args=(call,)).start()
        else:
            call.add_done_callback(ended)
        calls.append(call)
    if kind == "Wait":
        # The server has them all once it has answered another one that came behind them.
        one(b"0")
        for call in calls:
            call.cancel()
    for _ in range(count):
        done.acquire()
    return counts
for line in sys.stdin:
    kind, count, streams = line.split()
    print(json.dumps(make(kind, int(count), int(streams))), flush=True)
`;

/** Codes 0 to 16 in turn. */
function inTurn(count: number): Counts {
  return Object.fromEntries(
    Array.from({ length: 17 }, (_, code) => [code, Math.ceil((count - code) / 17)] as const).filter(([, of]) => of > 0),
  );
}

/** Asserts that calls are counted by their methods, all of them, but for as many as the agent says it has no name of. */
function assertNamed(samples: Samples, found: Counts, expected: Counts): void {
  const nameless = Object.keys(found).filter((method) => method.startsWith("~unknown/"));
  const unnamed = nameless.reduce((calls, method) => calls + (found[method] ?? 0), 0);
  if (unnamed === 0) {
    assert.deepEqual(found, expected);
    return;
  }
  const named = Object.fromEntries(Object.entries(found).filter(([method]) => !nameless.includes(method)));
  const told = ["ringtap_l7_unnamed_requests_total", "ringtap_events_dropped_total"].map((name) =>
    sum(samples, name, {}),
  );
  assert(unnamed <= Math.max(...told), JSON.stringify(found));
  assertAllExact(named, expected, unnamed);
  assert.equal(total(found), total(expected));
}

describe("calls of gRPC", () => {
  const scope = suiteScope();
  const running = (async () => {
    const port = await freePort();
    const [serverPath, clientPath] = [scratch("grpc-server.py"), scratch("grpc-client.py")];
    writeFileSync(serverPath, server);
    writeFileSync(clientPath, client);
    const agent = await startAgent(scope, ["--signals=l7", `--l7.ports=${port}`, ...unlimitedSeries]);
    const answering = startSteps(scope, "/usr/bin/python3", [serverPath, `${port}`]);
    await answering.step("counts");
    const connected = (owner: Scope): Steps => startSteps(owner, "/usr/bin/python3", [clientPath, `${port}`]);
    return { port, agent, answering, calling: connected(scope), connected };
  })();

  it("are as many as both ends count, by code, with 100 streams at once", async () => {
    const { agent, answering, calling } = await running;
    const first = JSON.parse(await calling.step("one 6000 100")) as Counts;
    const second = JSON.parse(await calling.step("many 600 100")) as Counts;
    const counted = JSON.parse(await answering.step("counts")) as Counts;
    assert.deepEqual([first, second], [inTurn(6_000), inTurn(600)]);
    assert.deepEqual(counted, added(first, second));
    const samples = await agent.scrape();
    assert.deepEqual(byCode(samples, "client", calling.pid), counted);
    assert.deepEqual(byCode(samples, "server", answering.pid), counted);
    const named = { ...ofMethod("test.Echo", "One", first), ...ofMethod("test.Echo", "Many", second) };
    assertNamed(samples, byMethod(samples, "client", calling.pid), named);
    assertNamed(samples, byMethod(samples, "server", answering.pid), named);
    for (const { pid } of [answering, calling]) {
      assert.equal(sum(samples, "ringtap_l7_lost_requests_total", { pid }), 0);
      assert.equal(sum(samples, "ringtap_l7_skipped_bytes_total", { pid }), 0);
      assert.equal(sum(samples, "http_server_request_duration_seconds_count", { pid }), 0);
    }
  });

  it("are as many while their records are watched, and the ring is full", async (t) => {
    const { answering, connected } = await running;
    const agent = await startAgent(t, ["--signals=l7", "--ring.size=64KiB", ...unlimitedSeries]);
    const earlier = JSON.parse(await answering.step("counts")) as Counts;
    // A connection that the agent has seen from its beginning.
    const calling = connected(t);
    let made: Counts = {};
    const samples = await withFullRing(agent, async () => {
      made = JSON.parse(await calling.step("one 3000 100")) as Counts;
    });
    assert.deepEqual(made, inTurn(3_000));
    assert.deepEqual(difference(JSON.parse(await answering.step("counts")) as Counts, earlier), made);
    assert.deepEqual(byCode(samples, "client", calling.pid), made);
    assert.deepEqual(byCode(samples, "server", answering.pid), made);
  });

  it("that are cancelled are reset, at both ends", async () => {
    const { agent, answering, calling } = await running;
    const before = await agent.scrape();
    const codes = JSON.parse(await calling.step("Wait 50 100")) as Counts;
    assert.deepEqual(codes, { "1": 50 });
    // What the server has read before this one's answer is what the client sent before it.
    await calling.step("one 1 1");
    const samples = await agent.scrape();
    for (const [role, { pid }] of [
      ["client", calling],
      ["server", answering],
    ] as const) {
      const reset = (of: Samples): number => byCode(of, role, pid).reset ?? 0;
      assert.equal(reset(samples) - reset(before), 50, role);
      assert.equal(
        sum(samples, "ringtap_l7_unanswered_requests_total", { pid, protocol: "grpc", reason: "reset" }),
        50,
      );
    }
  });

  it("have no method that is wrong, from an agent that joins late, at both ends", async (t) => {
    const { port, answering, calling } = await running;
    const agent = await startAgent(t, ["--signals=l7", `--l7.ports=${port}`, ...unlimitedSeries]);
    const ends = { client: calling.pid, server: answering.pid };
    const paths = async (role: keyof typeof ends): Promise<Counts> => byPath(await agent.scrape(), role, ends[role]);
    // The connection has indices for both methods, and for what makes a request a call. The first call makes it known, the second one counts.
    await calling.step("one 1 1");
    await calling.step("one 1 1");
    const before = { client: await paths("client"), server: await paths("server") };
    assert.deepEqual(
      Object.values(before).map((counts) => total(counts)),
      [1, 1],
    );
    await calling.step("one 340 10");
    await calling.step("many 340 10");
    await calling.step("New 340 10");
    for (const role of ["client", "server"] as const) {
      const counts = difference(await paths(role), before[role]);
      for (const [path, count] of Object.entries(counts)) {
        assert(/^(~unknown|\/~unknown\/~unknown|\/test\.Echo\/(One|Many|New))$/.test(path), path);
        assert(path.includes("~") || count <= 340, `${path}: ${count}`);
      }
      assert.equal(total(counts), 1_020, JSON.stringify(counts));
      assert.equal(counts["/test.Echo/New"], 340, JSON.stringify(counts));
    }
    const after = await agent.scrape();
    assert(sum(after, "ringtap_l7_unnamed_requests_total", { reason: "joined_late" }) > 0);
    for (const pid of Object.values(ends)) {
      assert.equal(sum(after, "ringtap_l7_lost_requests_total", { pid }), 1);
    }
  });

  it("are shown by trace, by the name of their code", async (t) => {
    const { answering, connected } = await running;
    const trace = await startTrace(t, [
      "l7",
      "--output=json",
      "--where",
      `pid=${answering.pid} protocol=grpc code=NOT_FOUND`,
    ]);
    await connected(t).step("one 34 10");
    const events = await eventually(() => {
      assert.equal(trace.events().length, 2);
      return trace.events();
    });
    for (const { comm, role, route, code, status, error } of events) {
      assert.deepEqual(
        [comm, role, route, code, status, error],
        ["python3", "server", "/test.Echo/One", "NOT_FOUND", undefined, undefined],
      );
    }
  });
});
