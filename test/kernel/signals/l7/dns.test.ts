/** Questions of DNS, against conversations of which each one is known, over UDP and TCP, at both ends. */
import { describe } from "node:test";

import { testQuestions } from "../../support/dns-questions.js";
import { suiteScope } from "../../support/scope.js";

describe("questions of DNS", () => {
  testQuestions(suiteScope());
});
