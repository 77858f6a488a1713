/** Requests of HTTP/2 and calls of gRPC, against conversations of which each request is known, cut in every way, at both ends. */
import { describe } from "node:test";

import { testConversations } from "../../support/conversations.js";
import { suite as calls } from "../../support/grpc-conversations.js";
import { suite as requests } from "../../support/http2-conversations.js";
import { suiteScope } from "../../support/scope.js";

describe("requests of HTTP/2", () => {
  testConversations(suiteScope(), requests);
});

describe("calls of gRPC", () => {
  testConversations(suiteScope(), calls);
});
