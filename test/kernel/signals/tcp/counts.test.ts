/** tcp's counts in the kernel: without records, beyond the lines there are, and of connections that outlive their process. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { Readable, Writable } from "node:stream";
import { before, describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";

import { loadSignal } from "../../../../src/engine/load.js";
import type { RunningSignal } from "../../../../src/engine/running.js";
import type { Catalog } from "../../../../src/metrics/catalog.js";
import { tcp } from "../../../../src/signals/tcp/signal.js";
import { startAgent } from "../../support/agent.js";
import { eventually } from "../../support/eventually.js";
import { startLoaded } from "../../support/loading.js";
import { compileProgram } from "../../support/program.js";
import { sum } from "../../support/samples.js";
import type { Scope } from "../../support/scope.js";

const programs = new URL("../../../../../test/kernel/programs/", import.meta.url);

/** Programs at once, the connections of each, and what each connection carries in each direction. */
const processes = 3;
const connections = 200;
const bytes = 1_000;

let several = "";
let outlived = "";

before(() => {
  const source = `
#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int listener = socket(AF_INET, SOCK_STREAM, 0), count = atoi(argv[1]), client, server;
	size_t size = atoi(argv[2]);
	socklen_t length = sizeof(to);
	char *buffer = calloc(1, size);
	if (bind(listener, (void *)&to, length) || listen(listener, 1) || getsockname(listener, (void *)&to, &length))
		return 1;
	while (count--) {
		client = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(client, (void *)&to, sizeof(to)) || (server = accept(listener, NULL, NULL)) < 0)
			return 1;
		if (write(client, buffer, size) != size || recv(server, buffer, size, MSG_WAITALL) != size ||
		    write(server, buffer, size) != size || recv(client, buffer, size, MSG_WAITALL) != size)
			return 1;
		close(client);
		close(server);
	}
	return argc != 3;
}`;
  several = compileProgram("rt-several", source, ["-Wno-sign-compare"]);
  outlived = compileProgram("rt-outlived", readFileSync(new URL("tcp-outlived.c", programs), "utf8"));
});

/** Runs the programs to their end. Returns their pids. */
async function runAll(): Promise<string[]> {
  const children = Array.from({ length: processes }, () => spawn(several, [`${connections}`, `${bytes}`]));
  const ends = await Promise.all(children.map((child) => once(child, "close")));
  assert.deepEqual(
    ends.map(([status]) => status as number),
    children.map(() => 0),
  );
  return children.map(({ pid }) => `${pid}`);
}

function total(catalog: Catalog, metric: string, pid: string): number {
  const table = [...catalog].find(({ name }) => name === metric);
  assert(table?.type === "counter");
  const subject = table.subject.intern(pid);
  let all = 0;
  for (let row = 0; row < table.size; row++) {
    all += table.subjectAt(row) === subject ? (table.values[row] as number) : 0;
  }
  return all;
}

async function startWith(t: Scope, constants: Readonly<Record<string, number>>) {
  const started = startLoaded(
    t,
    loadSignal(
      {
        ...tcp,
        setup: (flags, host) => ({ ...tcp.setup(flags, host), constants: { counting: 1, by_peer: 0, ...constants } }),
      },
      { ringSize: 2 ** 22 },
    ),
    ["pid"],
  );
  await started.running.attached();
  return started;
}

/** Reads all there is. Without the process signal no process is known, whose lines are left for the next reading. */
async function readAll(running: RunningSignal): Promise<number> {
  let records = running.drain();
  for (let reading = 0; reading < 2; reading++) {
    await running.collect();
    records += running.drain();
  }
  return records;
}

function assertExact(catalog: Catalog, pids: readonly string[]): void {
  for (const pid of pids) {
    const counted = ["connects", "accepts", "sent_bytes", "received_bytes"].map((what) =>
      total(catalog, `ringtap_tcp_${what}_total`, pid),
    );
    assert.deepEqual(counted, [connections, connections, 2 * connections * bytes, 2 * connections * bytes], pid);
  }
}

describe("connections that the kernel counts", () => {
  it("are no records, but for the slowest connects", async (t) => {
    const { running, catalog } = await startWith(t, {});
    const pids = await runAll();
    const records = await readAll(running);
    assertExact(catalog, pids);
    // Four events a connection. Of a line, the records of a second are the maxima so far.
    assert(records < (4 * processes * connections) / 2, `${records} records`);
    const { produced, consumed, dropped } = running.eventCounts();
    assert(consumed >= 4 * processes * connections);
    assert.equal(produced, consumed + Object.values(dropped).reduce((all, each) => all + each, 0));
  });

  it("are records where their process has no line", async (t) => {
    const { running, catalog } = await startWith(t, { count_lines: 1 });
    const pids = await runAll();
    const records = await readAll(running);
    assertExact(catalog, pids);
    assert(records >= 4 * (processes - 1) * connections, `${records} records`);
  });

  it("count for the process that made them, long after its end", async (t) => {
    const agent = await startAgent(t, ["--signals=tcp"]);
    // Node ends the standard input of a process that has exited.
    const child = spawn(outlived, [`${bytes}`], { stdio: ["ignore", "pipe", "inherit", "pipe"] });
    const exited = once(child, "exit");
    const [, said, , go] = child.stdio;
    assert(said instanceof Readable && go instanceof Writable);
    t.after(() => go.destroy());
    let output = "";
    said.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    const [, pid = ""] = await eventually(() => /^(\d+)\n/.exec(output) ?? assert.fail(output));
    await exited;
    const before = await agent.scrape();
    assert.equal(sum(before, "ringtap_tcp_connects_total", { pid }), 1);
    assert.equal(sum(before, "ringtap_tcp_connections", { pid }), 2);
    // Meanwhile its lines are sealed and freed: what counts now begins new ones. Should it take longer, the sums are the same.
    await setTimeout(2_500);
    go.end();
    await eventually(() => {
      assert.match(output, /done\n$/);
    });
    const samples = await agent.scrape();
    assert.equal(sum(samples, "ringtap_tcp_connects_total", { pid }), 1);
    assert.equal(sum(samples, "ringtap_tcp_accepts_total", { pid }), 1);
    assert.equal(sum(samples, "ringtap_tcp_sent_bytes_total", { pid }), bytes);
    assert.equal(sum(samples, "ringtap_tcp_received_bytes_total", { pid }), bytes);
  });
});
