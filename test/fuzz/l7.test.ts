/** The parsers in processes of their own, under AddressSanitizer: the conversations, and what the fuzzer has found. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { buildParser, inputOf, protocols } from "./l7/parser.js";

const response = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/** By protocol. */
const found: Readonly<Record<string, typeof protocols.http>> = {
  http: [
    { name: "a first line of 12 bytes with a version", steps: [["C", `STHTTP/1.1\r\n${response}`]] },
    { name: "a status of two digits", steps: [["S", `HTTP/1.1 20\n\0\0GET / HTTP/1.1\r\n\r\n${response}`]] },
    {
      name: "a length without digits",
      steps: [["C", "POST / HTTP/1.1\r\nContent-Length: 500\r\ncontent-length:\n\nGET / HTTP/1.1\r\n\r\n"]],
    },
  ],
  redis: [
    {
      name: "zeros in place of a command",
      steps: [
        ["C", `*1\r\n$4\r\nPING\r\n${"\0".repeat(64)}`],
        ["C", "\0".repeat(32)],
      ],
    },
    {
      name: "a length with something else behind its carriage return",
      steps: [["C", `*2\r\n$3\r\nGET\r\n$3\r0\nkey\r\n${"*1\r\n$4\r\nPING\r\n".repeat(3)}`]],
    },
  ],
  memcached: [
    {
      name: "a blank before the first byte of the binary protocol",
      steps: [["C", "get key\r\n\r\x80\x80ERROR\r\nERROR\r\nVERSION 1\r\n"]],
    },
  ],
};

const folder = mkdtempSync(join(tmpdir(), "ringtap-l7-parser-"));
after(() => rmSync(folder, { recursive: true }));

for (const [protocol, conversations] of Object.entries(protocols)) {
  test(`each conversation of ${protocol} has the same counts, wherever its bytes are cut`, () => {
    const program = join(folder, protocol);
    buildParser(protocol, program, "gcc", ["-fsanitize=address", "-DSTANDALONE"]);
    const inputs = [...conversations, ...(found[protocol] ?? [])].map((conversation, index) => {
      const path = join(folder, `${protocol}-${index}-${conversation.name}`);
      writeFileSync(path, inputOf(conversation));
      return path;
    });
    execFileSync(program, inputs, { stdio: ["ignore", "ignore", "inherit"] });
  });
}
