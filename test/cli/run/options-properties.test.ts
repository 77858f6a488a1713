/** Whatever a user or a template writes: a value or a UsageError comes of it, never another exception. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { describe, test } from "node:test";

import { CommanderError } from "commander";
import fc from "fast-check";
import { stringify } from "yaml";

import { UsageError } from "../../../src/cli/errors.js";
import { parseListenAddress } from "../../../src/net/listen-address.js";
import { configFile, runOptions } from "./run-options.js";

const limits = { numRuns: 1000, interruptAfterTimeLimit: 3000, includeErrorInReport: true };

const flags = [
  "signals",
  "labels",
  "web.listen-address",
  "web.telemetry-path",
  "series-limit",
  "log.level",
  "log.format",
  "syscall.mode",
  "syscall.min-duration",
  "syscall.errors-only",
  "syscall.names",
  "syscall.pids",
  "syscall.comms",
  "bpf.stats",
  "overhead.limit",
  "ring.size",
  "capabilities.drop",
];

/** Values that nearly make sense, and any others. */
const text = fc.oneof(
  fc.constantFrom(
    "tcp",
    "tcp,file",
    "pid,comm",
    ":80",
    "[::1]:0",
    "1MiB",
    "1.5s",
    "true",
    "info",
    "stream",
    "4096",
    "",
  ),
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.string({ unit: fc.constantFrom(..."0123456789.:,[]/-kKiBMsnµ \n\t\"'\\{}&*!|>#%@`".split("")), maxLength: 12 }),
);

/** Runs it; all that it may throw is an error of the kinds for a user, of one line. */
function answers(read: () => unknown, ...kinds: readonly (new (...args: never[]) => Error)[]): void {
  try {
    read();
  } catch (error) {
    assert(
      kinds.some((kind) => error instanceof kind),
      error instanceof Error ? error.stack : String(error),
    );
    assert.notEqual((error as Error).message, "");
  }
}

describe("flags", () => {
  test("any arguments", () => {
    const argument = fc.oneof(
      text,
      fc.tuple(fc.constantFrom(...flags), text).map(([flag, value]) => `--${flag}=${value}`),
      fc.constantFrom(...flags).map((flag) => `--no-${flag}`),
    );
    fc.assert(
      fc.property(fc.array(argument, { maxLength: 5 }), (args) => {
        answers(() => runOptions(args), UsageError, CommanderError);
      }),
      limits,
    );
  });

  test("any environment", () => {
    const name = fc.constantFrom(...flags).map((flag) => `RINGTAP_${flag.toUpperCase().replace(/[.-]/g, "_")}`);
    fc.assert(
      fc.property(fc.dictionary(name, text, { maxKeys: 5 }), (environment) => {
        answers(() => runOptions([], environment), UsageError);
      }),
      limits,
    );
  });
});

describe("the configuration file", () => {
  const node = fc.letrec((tie) => ({
    node: fc.oneof(
      { maxDepth: 3 },
      text,
      fc.double(),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie("node"), { maxLength: 3 }),
      fc.dictionary(fc.oneof(fc.constantFrom(...flags, "web", "log", "syscall"), text), tie("node"), { maxKeys: 4 }),
    ),
  })).node;

  for (const [title, content] of [
    ["of any text", text],
    ["of lines that look like YAML", fc.array(text, { maxLength: 6 }).map((lines) => lines.join("\n"))],
    ["of any bytes", fc.uint8Array({ maxLength: 60 })],
    ["of any structure", node.map((value) => stringify(value))],
    [
      "of a structure with a damaged place",
      fc.tuple(node, fc.nat(), text).map(([value, at, damage]) => {
        const yaml = stringify(value);
        const place = at % (yaml.length + 1);
        return yaml.slice(0, place) + damage + yaml.slice(place + damage.length);
      }),
    ],
  ] as readonly (readonly [string, fc.Arbitrary<string | Uint8Array>])[]) {
    test(title, (t) => {
      const path = configFile(t, "");
      fc.assert(
        fc.property(content, (written) => {
          writeFileSync(path, written);
          answers(() => runOptions(["--config.file", path]), UsageError);
        }),
        limits,
      );
    });
  }
});

test("listen addresses: a host and a port, or an error that quotes the text", () => {
  fc.assert(
    fc.property(text, (written) => {
      let address;
      try {
        address = parseListenAddress(written);
      } catch (error) {
        assert((error as Error).message.startsWith(`--web.listen-address ${JSON.stringify(written)}: `));
        return;
      }
      const { options } = address;
      if (!("port" in options)) {
        assert("fd" in options || written === `unix:${options.path}`);
        return;
      }
      const { host, port = NaN } = options;
      assert(Number.isInteger(port) && port >= 0 && port <= 65_535);
      assert(written.endsWith(`:${written.slice(written.lastIndexOf(":") + 1)}`));
      assert.equal(Number(written.slice(written.lastIndexOf(":") + 1)), port);
      assert.notEqual(host, "");
    }),
    limits,
  );
});
