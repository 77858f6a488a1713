/** Requests of HTTP/1.x, against conversations of which each request is known, cut in every way, at both ends. */
import { describe } from "node:test";

import { testDescriptors } from "../../support/descriptor-requests.js";
import { testHttp } from "../../support/http-requests.js";
import { suiteScope } from "../../support/scope.js";

describe("requests of HTTP/1.x", () => {
  testHttp(suiteScope());
});

describe("requests of HTTP/1.x between sockets of one process", () => {
  testDescriptors(suiteScope());
});
