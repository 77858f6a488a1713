import assert from "node:assert/strict";
import { test } from "node:test";
import { systemdSockets } from "../../src/net/systemd-sockets.js";

test("the sockets that were passed to this process", () => {
  assert.deepEqual(systemdSockets({ LISTEN_FDS: "1", LISTEN_PID: "7" }, 7), ["fd://3"]);
  assert.deepEqual(systemdSockets({ LISTEN_FDS: "3", LISTEN_PID: "7" }, 7), ["fd://3", "fd://4", "fd://5"]);
});

test("none, those of another process, and nonsense are refused with what to do", () => {
  for (const [environment, problem] of [
    [{}, "LISTEN_FDS is not set"],
    [{ LISTEN_FDS: "1", LISTEN_PID: "8" }, 'LISTEN_PID is "8", and this process is 7'],
    [{ LISTEN_FDS: "0", LISTEN_PID: "7" }, 'LISTEN_FDS is "0"'],
    [{ LISTEN_FDS: "x", LISTEN_PID: "7" }, 'LISTEN_FDS is "x"'],
    [{ LISTEN_FDS: "1e9", LISTEN_PID: "7" }, 'LISTEN_FDS is "1e9"'],
  ] as const) {
    assert.throws(() => systemdSockets(environment, 7), {
      message: `--web.systemd-socket: no socket was passed (${problem}): start ringtap by a .socket unit of systemd`,
    });
  }
});
