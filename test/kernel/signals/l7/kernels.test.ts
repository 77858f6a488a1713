/**
 * l7 by the hook set of kernels without tracepoints within calls on sockets, which Linux 6.3 brought: the same conversations, counted
 * when calls return.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { startAgent } from "../../support/agent.js";
import { suite as amqp } from "../../support/amqp-conversations.js";
import { type Suite, testConversations } from "../../support/conversations.js";
import { testDescriptors } from "../../support/descriptor-requests.js";
import { testQuestions } from "../../support/dns-questions.js";
import { suite as grpc } from "../../support/grpc-conversations.js";
import { buildWithoutSockets } from "../../support/hook-sets.js";
import { testHttp } from "../../support/http-requests.js";
import { suite as http2 } from "../../support/http2-conversations.js";
import { suite as kafka } from "../../support/kafka-conversations.js";
import { suite as memcached } from "../../support/memcached-conversations.js";
import { suite as mysql } from "../../support/mysql-conversations.js";
import { suite as postgresql } from "../../support/postgresql-conversations.js";
import { suite as redis } from "../../support/redis-conversations.js";
import { suiteScope } from "../../support/scope.js";

describe("l7 when calls return", () => {
  const build = buildWithoutSockets(suiteScope());

  /** Declares a suite of tests. */
  function describeRequests<R>(what: string, suite: Suite<R>): void {
    describe(what, () => {
      testConversations(suiteScope(), { ...suite, build });
    });
  }

  describe("requests of HTTP/1.x", () => {
    testHttp(suiteScope(), { build });
  });

  describeRequests("requests of HTTP/2", http2);
  describeRequests("calls of gRPC", grpc);
  describeRequests("requests of Redis", redis);
  describeRequests("operations of memcached", memcached);
  describeRequests("operations of AMQP", amqp);
  describeRequests("requests of Kafka", kafka);
  describeRequests("requests of PostgreSQL", postgresql);
  describeRequests("requests of MySQL", mysql);

  describe("questions of DNS", () => {
    testQuestions(suiteScope(), { build });
  });

  describe("requests of a process that is both ends", () => {
    testDescriptors(suiteScope(), build);
  });

  it("says which hook set it uses, and that requests over Unix sockets are not seen", async (t) => {
    const agent = await startAgent(t, ["--signals=l7", "--l7.unix"], build);
    await agent.said(/no requests over Unix sockets are seen: --l7\.unix needs Linux 6\.3/);
    assert.match(await (await agent.get("/readyz")).text(), /^l7: up \(sys_exit\)$/m);
  });
});
