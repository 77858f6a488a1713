import assert from "node:assert/strict";
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createEventStream, type EventStreamOptions } from "../../src/http/event-stream.js";
import { until } from "../kernel/support/eventually.js";
import { ask } from "./http.js";
import { start } from "./start-server.js";

/** Milliseconds between two looks. */
const interval = 20;

/** A source that counts its looks, and gives frames of so many bytes. */
function countingSource(bytes = 1) {
  const state = { looks: 0, open: 0, rests: 0 };
  const source: EventStreamOptions["source"] = {
    nextFrame() {
      const number = ++state.looks;
      const data = JSON.stringify({ number, padding: "x".repeat(bytes) });
      return Promise.resolve({ changes: { event: "frame", data }, whole: () => ({ event: "whole", data }) });
    },
    open(query) {
      if (query.has("bad")) {
        throw new RangeError("bad: none");
      }
      state.open++;
      let said = false;
      return {
        take: () => (said ? [] : ((said = true), [{ event: "hello", data: query.get("name") ?? "" }])),
        close: () => {
          state.open--;
        },
      };
    },
    idle: () => {
      state.rests++;
    },
  };
  return { state, source };
}

async function serve(context: TestContext, options: Partial<EventStreamOptions> & Pick<EventStreamOptions, "source">) {
  const errors: unknown[] = [];
  const stream = createEventStream({
    interval,
    idleTimeout: interval,
    onError: (error) => errors.push(error),
    ...options,
  });
  const { address } = await start(context, { live: stream.handle });
  return { address, stream, errors };
}

/** Opens the stream and reads events as they come. */
async function watch(context: TestContext, address: string, query = "") {
  const request = get(`http://${address}/api/live?${query}`);
  const [response] = (await once(request, "response")) as [IncomingMessage];
  context.after(() => request.destroy());
  const events: string[] = [];
  let rest = "";
  const read = (): void => {
    response.setEncoding("utf8").on("data", (text: string) => {
      const parts = (rest + text).split("\n\n");
      rest = parts.pop() ?? "";
      events.push(...parts);
    });
    response.resume();
  };
  return { request, response, events, read };
}

test("viewers share the looks, and each gets what it asks for", async (context) => {
  const { state, source } = countingSource();
  const { address, stream } = await serve(context, { source });
  const viewers = await Promise.all(["a", "b", "c"].map((name) => watch(context, address, `name=${name}`)));
  for (const viewer of viewers) {
    viewer.read();
  }
  await until(() => viewers.every(({ events }) => events.length >= 6));
  assert.equal(viewers[0]?.response.headers["content-type"], "text/event-stream");
  assert.equal(viewers[0].response.headers["cache-control"], "no-store");
  for (const [index, { events }] of viewers.entries()) {
    const frames = events.filter((event) => !event.startsWith("event: hello"));
    assert.match(frames[0] ?? "", /^event: whole\ndata: \{"number":\d+/);
    assert.ok(frames.slice(1).every((frame) => frame.startsWith("event: frame\n")));
    assert.deepEqual(
      events.filter((event) => event.startsWith("event: hello")),
      [`event: hello\ndata: ${"abc"[index] ?? ""}`],
    );
  }
  assert.equal(stream.status().viewers, 3);
  assert.ok(state.looks < stream.status().frames / 2, "a look serves them all");
});

test("nobody looks while nobody watches", async (context) => {
  const { state, source } = countingSource();
  const { address, stream } = await serve(context, { source });
  await sleep(3 * interval);
  assert.equal(state.looks, 0);
  const viewer = await watch(context, address);
  await until(() => state.looks > 1);
  viewer.request.destroy();
  await until(() => stream.status().viewers === 0 && state.rests > 0);
  const { looks } = state;
  await sleep(5 * interval);
  assert.deepEqual([state.looks, state.open], [looks, 0]);
});

test("a viewer that comes back at once finds everything as it was", async (context) => {
  const { state, source } = countingSource();
  const { address, stream } = await serve(context, { source, idleTimeout: 1000 });
  const viewer = await watch(context, address);
  await until(() => state.looks > 1);
  viewer.request.destroy();
  await until(() => stream.status().viewers === 0);
  const { looks } = state;
  await watch(context, address);
  await until(() => state.looks > looks);
  await sleep(1500);
  assert.equal(state.rests, 0);
});

test("more viewers than may be are refused, counted, and let in when one has gone", async (context) => {
  const { address, stream } = await serve(context, { ...countingSource(), maxViewers: 2 });
  const [first] = [await watch(context, address), await watch(context, address)];
  const refused = await ask(address, "/api/live");
  assert.equal(refused.status, 503);
  assert.equal(refused.headers["retry-after"], "5");
  assert.equal(stream.status().refused, 1);
  first.request.destroy();
  await until(() => stream.status().viewers === 1);
  assert.equal((await watch(context, address)).response.statusCode, 200);
});

test("a viewer that does not read misses frames, which are counted, and then gets everything anew", async (context) => {
  const { source } = countingSource(2 ** 20);
  const { address, stream } = await serve(context, { source });
  const slow = await watch(context, address);
  slow.response.pause();
  await until(() => stream.status().framesDropped > 2);
  slow.read();
  await until(() => slow.events.filter((event) => event.startsWith("event: whole")).length > 1);
});

test("a look that fails is told of, and the next one is taken", async (context) => {
  const { source } = countingSource();
  let failing = true;
  const flaky = { ...source, nextFrame: () => (failing ? Promise.reject(new Error("no luck")) : source.nextFrame()) };
  const { address, errors } = await serve(context, { source: flaky });
  const viewer = await watch(context, address);
  viewer.read();
  await until(() => errors.length > 0);
  failing = false;
  await until(() => viewer.events.some((event) => event.startsWith("event: whole")));
});

test("viewers have to come again when the web configuration has changed", async (context) => {
  let currentConfig = {};
  const { address, stream } = await serve(context, { ...countingSource(), currentConfig: () => currentConfig });
  const viewer = await watch(context, address);
  viewer.read();
  await until(() => viewer.events.length > 1);
  currentConfig = {};
  await once(viewer.response, "end");
  await until(() => stream.status().viewers === 0);
});

test("a query that is not valid is refused; HEAD and other methods open no stream", async (context) => {
  const { state, source } = countingSource();
  const { address } = await serve(context, { source });
  const bad = await ask(address, "/api/live?bad=1");
  assert.deepEqual([bad.status, bad.body.toString()], [400, "bad: none\n"]);
  const head = await ask(address, "/api/live", { method: "HEAD" });
  assert.deepEqual([head.status, head.body.length], [200, 0]);
  assert.equal((await ask(address, "/api/live", { method: "POST" })).status, 405);
  assert.deepEqual([state.open, state.looks], [0, 0]);
});
