import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { describe, test } from "node:test";
import { setImmediate } from "node:timers/promises";

import { LineOutput } from "../../../src/cli/trace/output.js";

/** A reader that takes nothing until told, then everything. */
function stalledReader(): { stream: Writable; read: () => string } {
  const taken: string[] = [];
  let taking = false;
  let waiting: (() => void) | undefined;
  const stream = new Writable({
    decodeStrings: false,
    write(chunk: string, _encoding, done) {
      taken.push(chunk);
      if (taking) {
        done();
      } else {
        waiting = done;
      }
    },
  });
  return {
    stream,
    read() {
      taking = true;
      waiting?.();
      return taken.join("");
    },
  };
}

const line = `${"x".repeat(99)}\n`;

describe("a slow reader", () => {
  test("costs lines, not memory, and each is counted", async () => {
    const { stream, read } = stalledReader();
    const output = new LineOutput(stream);
    let taken = 0;
    const offered = 100_000;
    for (let i = 0; i < offered; i++) {
      if (output.hasRoom()) {
        output.line(line);
        taken++;
      }
    }
    assert(stream.writableLength < 1.1 * 2 ** 20, `${stream.writableLength} bytes wait`);
    assert(taken > 10_000, `only ${taken} lines were taken`);
    assert.equal(output.dropped, offered - taken);
    assert.equal(output.waiting, taken);

    read();
    await output.delivered();
    assert.equal(output.waiting, 0);
    assert.equal(read(), line.repeat(taken));
  });

  test("gets lines again once it has caught up", async () => {
    const { stream, read } = stalledReader();
    const output = new LineOutput(stream);
    while (output.hasRoom()) {
      output.line(line);
    }
    read();
    await output.delivered();
    assert(output.hasRoom());
  });
});

test("a reader that has gone is told, and leaves its lines waiting", async () => {
  const cause = Object.assign(new Error("write EPIPE"), { code: "EPIPE" });
  const stream = new Writable({
    write(_chunk, _encoding, done) {
      done(cause);
    },
  });
  const output = new LineOutput(stream);
  output.line(line);
  output.flush();
  assert.equal(await output.failed, cause);
  assert.equal(output.waiting, 1);
});

test("lines that nothing takes are not delivered", async () => {
  const cause = Object.assign(new Error("write ENOSPC"), { code: "ENOSPC" });
  const stream = new Writable({
    write(_chunk, _encoding, done) {
      done(cause);
    },
  });
  const output = new LineOutput(stream);
  output.line(line);
  let isDelivered = false;
  void output.delivered().then(() => {
    isDelivered = true;
  });
  assert.equal(await output.failed, cause);
  await setImmediate();
  assert.equal(isDelivered, false);
});
