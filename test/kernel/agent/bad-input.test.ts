/** What cannot work says so in one line, with the exit status that belongs to it: 2 for bad input, 1 for what cannot run. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync, truncateSync, unlinkSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { describe, test, type TestContext } from "node:test";

import { signals } from "../../../src/signals/index.js";
import { startAgent } from "../support/agent.js";
import { copyBuild } from "../support/build-copy.js";
import { scratch } from "../support/program.js";
import { runRingtap, type RunOptions, unprivileged } from "../support/ringtap.js";

/** `ringtap <args>` must end with this status, this one line on stderr and nothing on stdout. */
async function fails(
  t: TestContext,
  args: readonly string[],
  status: number,
  message: string,
  options: RunOptions = {},
): Promise<void> {
  const run = await runRingtap(t, args, options);
  assert.deepEqual(run, { status, signal: null, stdout: "", stderr: `ringtap: ${message}\n` });
}

describe("flags", () => {
  const names = signals.map(({ name }) => name).join(", ");
  const anAddress =
    "expected HOST:PORT, [IPV6]:PORT or :PORT, the port from 0 to 65535, or unix:PATH of at most 107 bytes";

  for (const [args, message] of [
    [
      ["run", "--signals=tpc"],
      `--signals "tpc": expected one of ${names}, the name of an installed npm package, or a signal of a folder that --signals.path names (did you mean "tcp"?)`,
    ],
    [
      ["run", "--signals=tcp,sys-call"],
      `--signals "sys-call": expected one of ${names}, the name of an installed npm package, or a signal of a folder that --signals.path names (did you mean "syscall"?)`,
    ],
    [
      ["trace", "files"],
      `trace "files": expected one of ${names}, the name of an installed npm package, or a signal of a folder that --signals.path names (did you mean "file"?)`,
    ],
    [["trace"], "missing required argument 'signal'"],
    [["run", "--web.listen-address=nonsense"], `--web.listen-address "nonsense": ${anAddress}`],
    [["run", "--web.listen-address=127.0.0.1:65536"], `--web.listen-address "127.0.0.1:65536": ${anAddress}`],
    [["run", "--sinals", "tcp"], "unknown option '--sinals' (Did you mean --signals?)"],
    [["check", "--output=xml"], '--output "xml": expected one of table, json'],
  ] as const) {
    test(`ringtap ${args.join(" ")}`, (t) => fails(t, args, 2, message));
  }
});

describe("the configuration file", () => {
  test("is not there", (t) =>
    fails(
      t,
      ["run", "--config.file=/nowhere/at all"],
      2,
      '--config.file "/nowhere/at all": no such file or directory',
    ));

  test("is a folder", (t) =>
    fails(t, ["run", "--config.file=/tmp"], 2, '--config.file "/tmp": illegal operation on a directory'));

  test("is not for this user to read", (t) => {
    const path = scratch("secret.yaml");
    writeFileSync(path, "signals: tcp\n", { mode: 0 });
    const withoutPrivileges = { prefix: ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] };
    return fails(
      t,
      ["run", `--config.file=${path}`],
      2,
      `--config.file "${path}": permission denied`,
      withoutPrivileges,
    );
  });

  for (const [title, text, message] of [
    [
      "has an unknown key",
      "log:\n  level: info\nsinals: tcp\n",
      '--config.file "%": line 3: unknown key "sinals" (did you mean "signals"?)',
    ],
    [
      "has a bad value",
      "web:\n  listen-address: nonsense\n",
      '--web.listen-address "nonsense": expected HOST:PORT, [IPV6]:PORT or :PORT, the port from 0 to 65535, or unix:PATH of at most 107 bytes (from %:2)',
    ],
    [
      "is no YAML",
      "signals: [tcp\nlog.level: info\n",
      '--config.file "%": line 2: Flow sequence in block collection must be sufficiently indented and end with a ]',
    ],
  ] as const) {
    test(title, (t) => {
      const path = scratch("ringtap.yaml");
      writeFileSync(path, text);
      return fails(t, ["run", `--config.file=${path}`], 2, message.replace("%", path));
    });
  }
});

test("the web configuration is not valid", (t) => {
  const path = scratch("web.yml");
  writeFileSync(path, "tls_server_config:\n  cert_filse: server.pem\n");
  const problem = 'line 2: unknown key "tls_server_config.cert_filse" (did you mean "cert_file"?)';
  return fails(t, ["run", `--web.config.file=${path}`], 2, `--web.config.file "${path}": ${problem}`);
});

test("the port is in use", async (t) => {
  const server = createServer().listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { status, stderr } = await runRingtap(t, ["run", "--signals=tcp", `--web.listen-address=${address}`]);
  assert.equal(status, 1);
  const advice = "stop the program that has it (`ss -ltnp` names it) or choose another port";
  assert(stderr.startsWith(`ringtap: --web.listen-address "${address}": the port is in use; ${advice}`), stderr);
  assert.equal(stderr.split("\n").length, 2, stderr);
});

describe("a BPF object", () => {
  const spoilt = "BPF object format invalid";
  for (const [title, spoil, message] of [
    [
      "is cut off",
      (path) => {
        truncateSync(path, 1000);
      },
      `opening %: ${spoilt}`,
    ],
    [
      "is empty",
      (path) => {
        truncateSync(path, 0);
      },
      `opening %: ${spoilt}`,
    ],
    [
      "is something else",
      (path) => {
        writeFileSync(path, Buffer.alloc(20_000, "ringtap"));
      },
      `opening %: ${spoilt}`,
    ],
    [
      "is not there",
      (path) => {
        unlinkSync(path);
      },
      "opening %: No such file or directory (ENOENT)",
    ],
  ] as readonly (readonly [string, (path: string) => void, string])[]) {
    test(title, async (t) => {
      const copy = copyBuild(t);
      const path = copy.object("tcp");
      spoil(path);
      const expected = `loading signal tcp: tp_btf: ${message.replace("%", path)}`;
      await fails(t, ["run", "--signals=tcp"], 1, expected, copy);
      await fails(t, ["trace", "tcp"], 1, expected, copy);
    });
  }

  test("has random bytes in its middle", async (t) => {
    const copy = copyBuild(t);
    const path = copy.object("tcp");
    const bytes = readFileSync(path);
    for (let at = 64; at < bytes.length - 2000; at++) {
      bytes[at] = (at * 7919) % 251;
    }
    writeFileSync(path, bytes);
    const { status, stderr } = await runRingtap(t, ["run", "--signals=tcp"], copy);
    assert.equal(status, 1, stderr);
    assert.match(stderr, /^ringtap: loading signal tcp: tp_btf: [^\n]*\n$/);
  });

  test("is of another build", async (t) => {
    const copy = copyBuild(t);
    const path = copy.object("process");
    const bytes = readFileSync(path);
    const name = bytes.indexOf("\0exit_status\0");
    assert(name > 0);
    bytes.write("exit_reason", name + 1);
    writeFileSync(path, bytes);
    const { status, stderr } = await runRingtap(t, ["trace", "process"], copy);
    assert.equal(status, 1);
    assert(
      stderr.startsWith(
        `ringtap: loading signal process: tp_btf: ${path}: struct process_event is not what this build of ringtap decodes; reinstall ringtap`,
      ),
      stderr,
    );
    assert.match(stderr, /object: [^;\n]* exit_reason@72.*; decoder: [^\n]* exit_status@72[^\n]*\)\n$/);
  });

  test("of one signal does not keep the others from running", async (t) => {
    const copy = copyBuild(t);
    unlinkSync(copy.object("tcp"));
    const agent = await startAgent(t, ["--signals=tcp,process"], copy);
    const samples = await agent.scrape();
    assert.equal(samples.get('ringtap_signal_up{signal="tcp"}'), 0);
    assert.equal(samples.get('ringtap_signal_up{signal="process"}'), 1);
    assert.match(agent.stderr, /level=error msg="signal left out" signal=tcp err=".*No such file or directory/);
    const ready = await agent.get("/readyz");
    assert.equal(ready.status, 503);
    const why = `loading signal tcp: tp_btf: opening ${copy.object("tcp")}: No such file or directory (ENOENT)`;
    assert.equal(await ready.text(), `process: up (tp_btf)\ntcp: down (${why})\n`);
    await fails(t, ["run", "--signals=tcp,process", "--strict"], 1, why, copy);
  });
});

test("the kernel has no type information", async (t) => {
  const prefix = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /sys/kernel/btf && exec "$@"', "sh"];
  const message =
    "the kernel has no type information: /sys/kernel/btf/vmlinux does not exist: " +
    "run a kernel built with CONFIG_DEBUG_INFO_BTF=y, with sysfs mounted on /sys";
  await fails(t, ["run"], 1, message, { prefix });
  await fails(t, ["trace", "tcp"], 1, message, { prefix });
});

test("/proc is another pid namespace's, or not there", async (t) => {
  const message =
    "/proc does not show this process: it is not mounted, or belongs to another pid namespace: mount -t proc proc /proc";
  for (const hide of ["unshare --pid --fork mount -t proc proc /proc", "umount --lazy /proc"]) {
    const prefix = ["unshare", "--mount", "sh", "-c", `${hide} && exec "$@"`, "sh"];
    await fails(t, ["run"], 1, message, { prefix });
    await fails(t, ["trace", "tcp"], 1, message, { prefix });
  }
});

test("this process has no privileges", async (t) => {
  const message =
    "uid 65534 lacks CAP_BPF and CAP_PERFMON: " +
    "run it as root, with sudo, or grant it CAP_BPF and CAP_PERFMON (CAP_SYS_ADMIN includes both)";
  await fails(t, ["run"], 1, message, { prefix: unprivileged });
  await fails(t, ["trace", "tcp"], 1, message, { prefix: unprivileged });
});
