/** Requests of MySQL: conversations of which each one is known, and a MariaDB server's own log under load, at both ends. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { promisify } from "node:util";

import { type Agent, startAgent, unlimitedSeries } from "../../support/agent.js";
import { startBusyClient } from "../../support/busy-client.js";
import { testConversations } from "../../support/conversations.js";
import { eventually } from "../../support/eventually.js";
import { withFullRing } from "../../support/full-ring.js";
import { suite } from "../../support/mysql-conversations.js";
import { scratch } from "../../support/program.js";
import { by, type Counts, difference, total } from "../../support/request-counts.js";
import { sum } from "../../support/samples.js";
import { type Scope, suiteScope } from "../../support/scope.js";
import { end, freePort, listening } from "../../support/servers.js";
import { traceStatements } from "../../support/statement-traces.js";
import { startTrace } from "../../support/trace.js";

const metrics = {
  client: "db_client_operation_duration_seconds",
  server: "ringtap_db_server_operation_duration_seconds",
};

describe("requests of MySQL", () => {
  testConversations(suiteScope(), suite);
});

interface MariaDb {
  readonly port: number;
  readonly pid: number;
  /** Options of its clients. */
  readonly client: readonly string[];
  /** Requests in its log, by operation. */
  logged(): Counts;
}

/** Of the log's commands that have a response: the operation, or undefined for the first word of the statement. */
const commands = new Map([
  ["Query", undefined],
  ["Execute", undefined],
  ["Prepare", "PREPARE"],
  ["Init DB", "INIT_DB"],
  ["Field List", "FIELD_LIST"],
  ["Statistics", "STATISTICS"],
  ["Reset stmt", "STMT_RESET"],
  ["Fetch", "STMT_FETCH"],
  ["Change user", "CHANGE_USER"],
]);

async function startMariaDb(scope: Scope): Promise<MariaDb> {
  const folder = scratch("mariadb");
  mkdirSync(folder, { recursive: true });
  const port = await freePort();
  const log = `${folder}/general.log`;
  const server = spawn(
    "mariadbd",
    [
      "--no-defaults",
      `--datadir=${folder}`,
      `--port=${port}`,
      `--socket=${folder}/socket`,
      "--bind-address=127.0.0.1",
      "--user=root",
      // No one's names are looked up, and no tables of users have to be there.
      "--skip-name-resolve",
      "--skip-grant-tables",
      "--general-log=ON",
      `--general-log-file=${log}`,
      "--innodb-buffer-pool-size=16M",
      "--innodb-log-file-size=4M",
      "--innodb-flush-log-at-trx-commit=0",
      "--max-allowed-packet=64M",
    ],
    { stdio: "ignore" },
  );
  scope.after(() => end(server));
  await listening(port);
  return {
    port,
    pid: server.pid ?? 0,
    client: ["--no-defaults", "--protocol=tcp", "--host=127.0.0.1", `--port=${port}`, "--user=root"],
    logged() {
      const counts: Counts = {};
      const lines = readFileSync(log, "latin1").matchAll(
        /^[\d :]*\t *\t? *\d+ ([A-Z][\w ]+)\t(?:\/\*.*?\*\/)? *(\w*)/gm,
      );
      for (const [, command = "", word = ""] of lines) {
        if (commands.has(command)) {
          const operation = commands.get(command) ?? word.toUpperCase();
          counts[operation] = (counts[operation] ?? 0) + 1;
        }
      }
      return counts;
    },
  };
}

describe("requests of a MariaDB server", () => {
  const scope = suiteScope();
  const started = startMariaDb(scope);
  let running: Promise<Agent> | undefined;
  const agentStarted = (): Promise<Agent> =>
    (running ??= started.then(async (server) => {
      await sql(server, [], "CREATE DATABASE shop; CREATE TABLE shop.t (a int PRIMARY KEY, b longtext)");
      await promisify(execFile)("sysbench", [...sysbench(server), "prepare"]);
      return startAgent(scope, ["--signals=l7", "--ring.size=64KiB", ...unlimitedSeries]);
    }));
  const operations = async (of: Readonly<Record<string, string | number>>): Promise<Counts> =>
    by("db_operation_name", await (await agentStarted()).scrape(), metrics.server, of);

  /** Runs SQL by the command-line client. Resolves to its process. */
  async function sql({ client }: MariaDb, options: readonly string[], text: string): Promise<number> {
    const running = promisify(execFile)("mariadb", [...client, ...options], { maxBuffer: 2 ** 26 });
    running.child.stdin?.end(text);
    await running;
    return running.child.pid ?? 0;
  }

  /** Options of sysbench: eleven kinds of statements, in transactions. */
  function sysbench({ port }: MariaDb, script = "oltp_read_write"): string[] {
    const server = ["--mysql-host=127.0.0.1", `--mysql-port=${port}`, "--mysql-user=root", "--mysql-db=shop"];
    return [script, ...server, "--table-size=100", "--threads=4"];
  }

  for (const mode of ["auto", "disable"]) {
    it(`are as many as it logs, by operation, of sysbench --db-ps-mode=${mode}, at both ends`, async () => {
      const server = await started;
      const { pid } = server;
      const before = await operations({ pid });
      const earlier = server.logged();
      const bench = promisify(execFile)("sysbench", [
        ...[...sysbench(server), `--db-ps-mode=${mode}`],
        ...["--time=0", "--events=150", "run"],
      ]);
      const { pid: client = 0 } = bench.child;
      await bench;
      const expected = difference(server.logged(), earlier);
      const samples = await (await agentStarted()).scrape();
      assert.deepEqual(difference(await operations({ pid }), before), expected);
      assert.deepEqual(difference(by("db_operation_name", samples, metrics.client, { pid: client }), {}), expected);
      assert((expected.SELECT ?? 0) >= 14 * 150);
      assert.equal((expected.PREPARE ?? 0) > 0, mode === "auto");
      for (const each of [pid, client]) {
        assert.equal(sum(samples, "ringtap_l7_lost_requests_total", { pid: each }), 0);
        assert.equal(sum(samples, "ringtap_l7_skipped_bytes_total", { pid: each }), 0);
      }
    });
  }

  it("are as many while their records are watched, and the ring is full", async () => {
    const server = await started;
    const agent = await agentStarted();
    const { pid } = server;
    const before = await operations({ pid });
    const earlier = server.logged();
    let client = 0;
    const samples = await withFullRing(agent, async () => {
      const bench = promisify(execFile)("sysbench", [...sysbench(server), "--time=0", "--events=100", "run"]);
      client = bench.child.pid ?? 0;
      await bench;
    });
    const expected = difference(server.logged(), earlier);
    assert.deepEqual(difference(by("db_operation_name", samples, metrics.server, { pid }), before), expected);
    assert.deepEqual(difference(by("db_operation_name", samples, metrics.client, { pid: client }), {}), expected);
    assert((expected.SELECT ?? 0) >= 1_000);
  });

  it("are not seen where they are compressed", async () => {
    const server = await started;
    const before = await operations({ pid: server.pid });
    const client = await sql(server, ["--compress"], "SELECT 1");
    const samples = await (await agentStarted()).scrape();
    assert.deepEqual(difference(await operations({ pid: server.pid }), before), {});
    assert(sum(samples, "ringtap_l7_bytes_total", { pid: client, kind: "opaque" }) > 20);
    assert.equal(sum(samples, "ringtap_l7_lost_requests_total", { pid: client }), 0);
  });

  /** Has sysbench execute statements for a while; resolves once it has executed some. */
  async function startBench(owner: Scope) {
    const server = await started;
    const options = [...sysbench(server, "oltp_point_select"), "--time=60", "--rate=2000", "run"];
    return startBusyClient(owner, "sysbench", options, () => total(server.logged()));
  }

  it("are counted when their client is killed", async (t) => {
    const server = await started;
    const { pid } = server;
    const agent = await agentStarted();
    const before = total(await operations({ pid }));
    const earlier = total(server.logged());
    const { pid: client, kill } = await startBench(t);
    await kill();
    // The server finds out a moment later.
    await eventually(async () => {
      const samples = await agent.scrape();
      const received = total(by("db_operation_name", samples, metrics.server, { pid })) - before;
      const sent = total(by("db_operation_name", samples, metrics.client, { pid: client }));
      assert.equal(received, total(server.logged()) - earlier);
      // Of each connection, the server may not have read the last one.
      assert(received <= sent && sent <= received + 4, `${sent} sent, ${received} received`);
      for (const each of [pid, client]) {
        assert.equal(sum(samples, "ringtap_l7_lost_requests_total", { pid: each }), 0);
      }
    });
  });

  it("are counted from an agent that joins late: what was under way is lost as such", async (t) => {
    const server = await started;
    const { pid: client, kill } = await startBench(t);
    const earlier = total(server.logged());
    const agent = await startAgent(t, ["--signals=l7", ...unlimitedSeries]);
    const later = total(server.logged());
    await eventually(async () => {
      assert(total(by("db_operation_name", await agent.scrape(), metrics.server, { pid: server.pid })) > 2_000);
    });
    await kill();
    await eventually(async () => {
      const logged = total(server.logged());
      const samples = await agent.scrape();
      const lost = (pid: number, labels = {}): number =>
        sum(samples, "ringtap_l7_lost_requests_total", { pid, ...labels });
      const received = total(by("db_operation_name", samples, metrics.server, { pid: server.pid })) + lost(server.pid);
      const sent = total(by("db_operation_name", samples, metrics.client, { pid: client })) + lost(client);
      // One for each connection can have been under way, at either end.
      for (const each of [server.pid, client]) {
        assert(lost(each) <= 4 && lost(each) === lost(each, { reason: "joined_late" }), `${lost(each)} lost`);
      }
      assert(
        logged - later <= received && received <= logged - earlier,
        `${received} of ${logged} - ${earlier}, ${later}`,
      );
      assert(Math.abs(sent - received) <= 4, `${sent} sent, ${received} received`);
    });
  });

  it("have their statements in trace, without literals, where these are asked for", async (t) => {
    const server = await started;
    await agentStarted();
    const traces = await traceStatements(t, server.port);
    const long = "a_long_name_that_the_record_has_no_room_for_since_it_has_eighty_bytes";
    await sql(
      server,
      ["--force", "--comments", "--skip-auto-rehash", "shop"],
      `SELECT 'secret', "secret", 4711, 0x4711 /* secret */;\nINSERT INTO none VALUES (4711, 'secret'), (NULL, 'secret');\n` +
        `SELECT 4711 AS \`${long}\`, 'secret';\nSELECT 'it\\'s', secret;\nPREPARE p FROM 'SELECT secret + ?';\nDO 4711;\n`,
    ).catch(() => undefined);
    await promisify(execFile)("sysbench", [
      ...[...sysbench(server, "oltp_point_select"), "--threads=1", "--db-ps-mode=auto"],
      ...["--time=0", "--events=3", "run"],
    ]);
    const expected = [
      "SELECT ?, ?, ?, ?",
      "INSERT INTO none VALUES (?), (NULL, ?)",
      `SELECT ? AS \`${long.slice(0, 80 - "SELECT 4711 AS `".length)}…`,
      // Whether the quote behind the backslash ends the string depends on the server.
      "SELECT ?…",
      "PREPARE p FROM ?",
      "DO ?",
      // What prepares it has it, what executes it does not.
      "SELECT c FROM sbtest1 WHERE id=?",
      ...Array.from({ length: 3 }, () => undefined),
    ];
    await traces.show(expected, /secret|4711/);
  });

  it("that fail, load a file, are long or have several results are as many as it says, and trace shows them", async (t) => {
    const server = await started;
    const { pid } = server;
    const agent = await agentStarted();
    const trace = await startTrace(t, ["l7", "--output=json", "--where", `pid=${pid} code=1062`]);
    const file = scratch("rows");
    writeFileSync(file, Array.from({ length: 5_000 }, (_, index) => `${index}\tvalue\n`).join(""));
    const before = by("db_response_status_code", await agent.scrape(), metrics.server, { pid });
    const counted = await operations({ pid });
    const earlier = server.logged();
    const long = 2 ** 24 + 100;
    await sql(
      server,
      ["--force", "--local-infile", "--max-allowed-packet=64M", "shop"],
      `LOAD DATA LOCAL INFILE '${file}' INTO TABLE t; SELECT * FROM t; INSERT INTO t VALUES (1, 'secret'); SELECT nothing; ` +
        `NONSENSE; DELETE FROM none; UPDATE t SET b = REPEAT('x', ${long}) WHERE a = 7; SELECT b FROM t WHERE a = 7; ` +
        `/* a comment */ TRUNCATE t; -- another\nINSERT INTO t VALUES (1, '${"y".repeat(long)}')`,
    ).catch(() => undefined);
    await sql(server, ["--local-infile=0", "shop"], `LOAD DATA LOCAL INFILE '${file}' INTO TABLE t`).catch(
      () => undefined,
    );
    await sql(
      server,
      ["--delimiter=//", "shop"],
      "BEGIN NOT ATOMIC SELECT 1; SELECT 2; DO 1; END//SELECT 1; DO 1; SELECT a FROM t//SELECT 2",
    );
    const samples = await agent.scrape();
    const expected = difference(server.logged(), earlier);
    // What is no statement has no name.
    const { NONSENSE: _OTHER, ...others } = expected;
    assert.deepEqual(difference(await operations({ pid }), counted), { ...others, _OTHER });
    assert.equal(total(expected), 14);
    const { "": succeeded, ...failed } = difference(
      by("db_response_status_code", samples, metrics.server, { pid }),
      before,
    );
    assert.equal(succeeded, 9);
    assert.deepEqual(failed, { 1054: 1, 1062: 1, 1064: 1, 1146: 1, 4166: 1 });
    assert.equal(sum(samples, "ringtap_l7_lost_requests_total", { pid }), 0);
    assert.equal(sum(samples, "ringtap_l7_skipped_bytes_total", { pid }), 0);
    const [event] = await eventually(() => {
      assert.equal(trace.events().length, 1);
      return trace.events();
    });
    const { signal, protocol, role, operation, status, code, error } = event ?? {};
    assert.deepEqual(
      [signal, protocol, role, operation, status, code, error],
      ["l7", "mysql", "server", "INSERT", undefined, "1062", undefined],
    );
    assert(!JSON.stringify(event).includes("secret"));
  });
});
