/** What `ringtap trace` chooses of the events, what it says of where they happened, and that they are as its schema says. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { describe, test } from "node:test";

import { Ajv, type ValidateFunction } from "ajv";
import formats from "ajv-formats";

import { signals } from "../../../src/signals/index.js";
import { readDocument } from "../../docs/documents.js";
import { controlGroup, hierarchy, podPath } from "../support/cgroups.js";
import { cpuWaits, startWork } from "../support/cpu-numbers.js";
import { eventually } from "../support/eventually.js";
import { groupOfMemory } from "../support/limited-groups.js";
import { smallDisk } from "../support/loop-device.js";
import { networkNamespace } from "../support/network.js";
import { onDisk } from "../support/on-disk.js";
import { compileProgram, programSource, runProgram } from "../support/program.js";
import { runRingtap } from "../support/ringtap.js";
import type { Scope } from "../support/scope.js";
import { startTrace } from "../support/trace.js";
import { startWaiting } from "../support/waiting.js";

/** Opens 300 files that are there and 30 that are not, then sleeps three times for 20 ms. */
const program = compileProgram(
  "trace-choice",
  `#include <fcntl.h>
  #include <unistd.h>
  int main(void) {
    for (int i = 0; i < 330; i++) close(open(i % 11 == 0 ? "/etc/nothing" : "/etc/passwd", O_RDONLY));
    for (int i = 0; i < 3; i++) usleep(20000);
    return 0;
  }`,
  ["-static"],
);

const ours = "--comm=trace-choice";

test("--where and --sample: every failure, one in N of the rest, and the summary knows of all", async (t) => {
  const args = [ours, "--sample=100", "--where", "path~^/etc/", "--output=json"];
  const trace = await startTrace(t, ["file", ...args]);
  await runProgram(program);
  await eventually(() => {
    assert.equal(trace.lines().length, 33);
  });
  await trace.stop("SIGINT");
  const results = trace.events().map(({ result }) => result);
  assert.deepEqual([results.filter((result) => result === "ok").length, results.length], [3, 33]);
  const [, first, ...rows] = trace.stderr.trimEnd().split("\n");
  assert.equal(first, "330 events, 33 shown, 297 left out by --sample 100");
  assert.deepEqual(
    rows.map((row) => row.split(/ +/).slice(0, 3)),
    [
      ["RESULT", "EVENTS", "SHOWN"],
      ["ok", "300", "3"],
      ["ENOENT", "30", "30"],
    ],
  );
});

test("--slow keeps what took as long, and the summary of a log in JSON is one line of it", async (t) => {
  const trace = await startTrace(t, ["syscall", ours, "--sample=1000000", "--slow=15ms", "--log.format=json"]);
  await runProgram(program);
  await eventually(() => {
    assert.equal(trace.lines().filter((line) => line.includes("nanosleep")).length, 3, trace.stdout);
  });
  await trace.stop("SIGINT");
  const summary = trace.stderr
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .find(({ msg }) => msg === "summary");
  const outcomes = summary?.outcomes as { syscall: string; events: number; shown: number; p50: number; max: number }[];
  const sleeps = outcomes.find(({ syscall }) => syscall.includes("nanosleep"));
  assert.deepEqual([sleeps?.events, sleeps?.shown], [3, 3]);
  assert(Number(sleeps?.p50) > 0.0195 && Number(sleeps?.p50) <= Number(sleeps?.max), JSON.stringify(sleeps));
});

test("a field that there is not is refused with the nearest, before anything is loaded", async (t) => {
  const { status, stderr } = await runRingtap(t, ["trace", "tcp", "--where", "dprot=443"]);
  assert.equal(status, 2);
  assert.equal(stderr, 'ringtap: --where "dprot=443": tcp has no field "dprot" (did you mean "dport"?)\n');
});

test("an event says in which container it was, also in one that is younger than the trace", async (t) => {
  const id = randomBytes(32).toString("hex");
  const trace = await startTrace(t, ["file", "--output=json", "--where", `container_id=${id.slice(0, 12)}`]);
  const path = podPath(id);
  const group = controlGroup(t, hierarchy("pids"), path);
  execFileSync("sh", ["-c", `echo $$ > ${group.folder}/cgroup.procs && exec ${program}`]);
  await eventually(() => {
    assert.equal(trace.events().filter(({ comm }) => comm === "trace-choice").length, 330);
  });
  const [event] = trace.events().filter(({ comm }) => comm === "trace-choice");
  assert.equal(event?.cgroup, `/${path}`);
  const table = await startTrace(t, ["file", "--count=1", "--where", `container_id=${id.slice(0, 12)} comm=sh`]);
  execFileSync("sh", ["-c", `echo $$ > ${group.folder}/cgroup.procs; : < /etc/passwd`]);
  await table.exited;
  assert.match(table.lines().at(-1) ?? "", new RegExp(` /etc/passwd container_id=${id.slice(0, 12)}$`));
});

describe("docs/trace.schema.json", () => {
  interface Definition {
    readonly properties: Readonly<Record<string, unknown>>;
  }
  const schema = JSON.parse(readDocument("docs/trace.schema.json")) as {
    readonly definitions: Readonly<Record<string, Definition>>;
  };

  /** As published, but for one signal, and fields that it does not have are refused. */
  function strictly(signal: string): ValidateFunction {
    const ajv = new Ajv({ allErrors: true });
    formats.default(ajv);
    const definitions = Object.entries(schema.definitions).map(([name, definition]) => [
      name,
      { ...definition, additionalProperties: false },
    ]);
    ajv.compile(schema);
    return ajv.compile({ definitions: Object.fromEntries(definitions) as unknown, $ref: `#/definitions/${signal}` });
  }

  /** Makes events of every signal: opens, a refused connect, an accepted one, processes that fail, a control group. */
  const busy = compileProgram(
    "trace-busy",
    `#include <arpa/inet.h>
    #include <fcntl.h>
    #include <stdlib.h>
    #include <sys/wait.h>
    #include <unistd.h>
    int main(void) {
      struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(4321), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
      int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
      open("/etc/nothing", O_WRONLY | O_CREAT | O_EXCL | O_DIRECTORY, 0600);
      if (connect(client, (void *)&to, sizeof(to)) == 0) return 1;
      close(client);
      client = socket(AF_INET, SOCK_STREAM, 0);
      if (bind(listener, (void *)&to, sizeof(to)) || listen(listener, 1) || connect(client, (void *)&to, sizeof(to))) return 2;
      int server = accept(listener, 0, 0);
      static const char request[] = "GET / HTTP/1.1\\r\\n\\r\\n", answer[] = "HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n";
      char text[256];
      if (write(client, request, sizeof(request) - 1) < 0 || read(server, text, sizeof(text)) <= 0) return 3;
      if (write(server, answer, sizeof(answer) - 1) < 0 || read(client, text, sizeof(text)) <= 0) return 4;
      close(server);
      close(client);
      client = socket(AF_INET, SOCK_DGRAM, 0);
      to.sin_port = htons(4320);
      if (connect(client, (void *)&to, sizeof(to))) return 5;
      for (int i = 0; i < 4; i++) send(client, text, 1, 0);
      if (fork() == 0) exit(3);
      if (fork() == 0) abort();
      wait(0);
      wait(0);
      return 0;
    }`,
  );

  /** Has a signal's events happen. */
  async function beBusy(scope: Scope, name: string): Promise<void> {
    const run = async (comm: string, file: string, ...args: readonly string[]): Promise<void> => {
      const source = programSource(file);
      const waiting = await startWaiting(scope, compileProgram(comm, source), args);
      await waiting.go();
    };
    switch (name) {
      case "block":
        return run("trace-disk", "block-io", smallDisk(scope).path, "5", "300", "0", "0", "0");
      case "memory": {
        const { folder } = groupOfMemory(scope, "4".repeat(64), 16);
        await run("trace-memory", "memory-hog", "kills", "1", "64", `${folder}/cgroup.procs`);
        return run(
          "trace-memory",
          "memory-hog",
          "writes",
          "48",
          onDisk(scope, "trace-many-pages"),
          `${folder}/cgroup.procs`,
        );
      }
      case "sched":
        await Promise.all([1, 2].map(() => startWork(scope, cpuWaits(), "waits", "1", "10", "pinned").done));
        return;
      default: {
        networkNamespace(scope).run(busy);
        const group = controlGroup(scope, hierarchy("pids"), `ringtap-schema-${process.pid}`);
        await group.remove();
      }
    }
  }

  /** What is shown of a signal, beside what the program has done. */
  const chosen: Readonly<Record<string, readonly string[]>> = {
    cgroup: [],
    block: ["--block.slow=0ns", "--comm=trace-disk"],
    drop: ["--where", "destination_port=4320"],
    memory: ["--memory.min-stall=0ns", "--where", "comm~^(trace-memory|rt-hog)$"],
    sched: ["--sched.min-delay=100us", "--comm=rt-cpu-waits"],
  };

  for (const { name } of signals) {
    test(`has real events of ${name} as they are, with all their fields`, async (t) => {
      const trace = await startTrace(t, [name, "--output=json", ...(chosen[name] ?? ["--comm=trace-busy"])]);
      await beBusy(t, name);
      await eventually(() => {
        assert(trace.events().length > 1, trace.stdout);
      });
      await trace.stop("SIGINT");
      const validate = strictly(name);
      for (const event of trace.events()) {
        assert(validate(event), `${JSON.stringify(event)}: ${JSON.stringify(validate.errors)}`);
      }
      const [event] = trace.events();
      assert.equal(validate({ ...event, pid: "1" }), false);
      assert.equal(validate({ ...event, unheard_of: 1 }), false);
    });
  }
});
