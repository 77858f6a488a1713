/** Requests of PostgreSQL: conversations of which each one is known, and a server's own count under pgbench, at both ends. */
import assert from "node:assert/strict";
import { execFile, execFileSync, spawn } from "node:child_process";
import { chownSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { describe, it } from "node:test";
import { promisify } from "node:util";

import { postgresql } from "../../../../src/signals/l7/protocols/postgresql.js";
import { type Agent, startAgent, unlimitedSeries } from "../../support/agent.js";
import { startBusyClient } from "../../support/busy-client.js";
import { testConversations } from "../../support/conversations.js";
import { eventually } from "../../support/eventually.js";
import { withFullRing } from "../../support/full-ring.js";
import { suite } from "../../support/postgresql-conversations.js";
import { scratch } from "../../support/program.js";
import { by, type Counts, difference, total } from "../../support/request-counts.js";
import { type Samples, sum } from "../../support/samples.js";
import { type Scope, suiteScope } from "../../support/scope.js";
import { end, freePort, listening } from "../../support/servers.js";
import { traceStatements } from "../../support/statement-traces.js";
import { startTrace } from "../../support/trace.js";

const metrics = {
  client: "db_client_operation_duration_seconds",
  server: "ringtap_db_server_operation_duration_seconds",
};

describe("requests of PostgreSQL", () => {
  testConversations(suiteScope(), suite);
});

/** Debian's newest server that is installed. */
const versions = "/usr/lib/postgresql";
const programs = `${versions}/${readdirSync(versions).toSorted().at(-1) ?? ""}/bin`;

interface Postgres {
  readonly port: number;
  /** Where its Unix socket is. */
  readonly folder: string;
  /** What all its processes are called. */
  readonly comm: string;
  /** Options of its clients. */
  readonly client: readonly string[];
  /** Runs SQL through its Unix socket, which l7 sees with --l7.unix alone. Resolves to rows of columns. */
  readonly ask: (sql: string) => Promise<string[][]>;
  /** How often each statement was executed, by its first word, as the server counts it. */
  readonly executed: () => Promise<Counts>;
}

async function startPostgres(scope: Scope): Promise<Postgres> {
  // It does not run as root.
  const [uid = 0, gid = 0] = ["-u", "-g"].map((which) =>
    Number(execFileSync("id", [which, "postgres"], { encoding: "utf8" })),
  );
  const folder = mkdtempSync(`${tmpdir()}/ringtap-postgres-`);
  scope.after(() => rmSync(folder, { recursive: true }));
  chownSync(folder, uid, gid);
  const comm = `pg${process.pid}`;
  const program = `${folder}/${comm}`;
  symlinkSync(`${programs}/postgres`, program);
  const data = `${folder}/data`;
  execFileSync(`${programs}/initdb`, ["-D", data, "-A", "trust", "-U", "postgres", "--no-sync", "--locale=C"], {
    uid,
    gid,
    cwd: folder,
    stdio: ["ignore", "ignore", "inherit"],
  });
  const port = await freePort();
  const settings = [
    `port=${port}`,
    "listen_addresses=127.0.0.1",
    `unix_socket_directories=${folder}`,
    "shared_preload_libraries=pg_stat_statements",
    "fsync=off",
    "autovacuum=off",
    "shared_buffers=16MB",
  ];
  const server = spawn(program, ["-D", data, ...settings.flatMap((setting) => ["-c", setting])], {
    uid,
    gid,
    cwd: folder,
    stdio: "ignore",
  });
  scope.after(async () => {
    // It does not wait for its clients then.
    server.kill("SIGINT");
    await end(server);
  });
  await listening(port);
  const ask = async (sql: string): Promise<string[][]> => {
    const socket = ["-h", folder, "-p", `${port}`, "-U", "postgres"];
    const { stdout } = await promisify(execFile)("psql", [...socket, "-AtqX", "-c", sql, "postgres"]);
    return stdout
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => line.split("|"));
  };
  // It listens before it is ready.
  await eventually(() => ask("CREATE EXTENSION IF NOT EXISTS pg_stat_statements"));
  return {
    port,
    folder,
    comm,
    client: ["-h", "127.0.0.1", "-p", `${port}`, "-U", "postgres"],
    ask,
    executed: async () => {
      const rows = await ask(
        "SELECT upper(split_part(query, ' ', 1)), sum(calls) FROM pg_stat_statements " +
          "WHERE query !~ 'pg_stat_statements' GROUP BY 1",
      );
      const { END = 0, ...others } = Object.fromEntries(rows.map(([word = "", calls]) => [word, Number(calls)]));
      return { ...others, COMMIT: (others.COMMIT ?? 0) + END };
    },
  };
}

describe("requests of a PostgreSQL server", () => {
  const scope = suiteScope();
  const started = startPostgres(scope);
  let running: Promise<Agent> | undefined;
  const agentStarted = (): Promise<Agent> =>
    (running ??= started.then(async ({ client }) => {
      await promisify(execFile)("pgbench", [...client, "-i", "-q", "postgres"]);
      return startAgent(scope, ["--signals=l7", "--ring.size=64KiB", ...unlimitedSeries]);
    }));
  const operations = async (of: Readonly<Record<string, string | number>>): Promise<Counts> =>
    by("db_operation_name", await (await agentStarted()).scrape(), metrics.server, of);

  for (const [mode, options] of [
    ["simple", ["-t", "150"]],
    ["extended", ["-t", "150"]],
    ["prepared", ["-t", "150"]],
    ["simple", ["-S", "-t", "1000"]],
    ["prepared", ["-S", "-t", "1000"]],
  ] as const) {
    it(`are as many as it counts, by operation, of pgbench -M ${mode} ${options.join(" ")}, at both ends`, async () => {
      const { comm, client, executed } = await started;
      const before = await operations({ comm });
      const earlier = await executed();
      const bench = promisify(execFile)("pgbench", [...client, "-n", "-c", "4", "-M", mode, ...options, "postgres"]);
      const { pid = 0 } = bench.child;
      await bench;
      const counted = difference(await executed(), earlier);
      // Version 15 counts a prepared BEGIN or END the first time only (pgss_ProcessUtility() sets its plan's queryId to 0).
      const transactions = mode === "prepared" && counted.UPDATE ? { BEGIN: 4 * 150, COMMIT: 4 * 150 } : {};
      const expected: Counts = { ...counted, ...transactions };
      const samples = await (await agentStarted()).scrape();
      assert.deepEqual(difference(await operations({ comm }), before), expected);
      assert.deepEqual(difference(by("db_operation_name", samples, metrics.client, { pid }), {}), expected);
      assert((expected.SELECT ?? 0) >= 600);
      for (const end of [{ comm }, { pid }]) {
        assert.equal(sum(samples, "ringtap_l7_lost_requests_total", end), 0);
        assert.equal(sum(samples, "ringtap_l7_skipped_bytes_total", end), 0);
      }
    });
  }

  it("are as many while their records are watched, and the ring is full", async () => {
    const { comm, client, executed } = await started;
    const agent = await agentStarted();
    const before = await operations({ comm });
    const earlier = await executed();
    let pid = 0;
    const samples = await withFullRing(agent, async () => {
      const bench = promisify(execFile)("pgbench", [...client, "-n", "-S", "-c", "4", "-t", "1000", "postgres"]);
      pid = bench.child.pid ?? 0;
      await bench;
    });
    const expected = difference(await executed(), earlier);
    assert.deepEqual(difference(by("db_operation_name", samples, metrics.server, { comm }), before), expected);
    assert.deepEqual(difference(by("db_operation_name", samples, metrics.client, { pid }), {}), expected);
    assert((expected.SELECT ?? 0) >= 4_000);
  });

  it("are as many as it counts over its Unix socket, at both ends", async (t) => {
    const { comm, port, folder, executed } = await started;
    await agentStarted();
    const agent = await startAgent(t, ["--signals=l7", "--l7.unix", ...unlimitedSeries]);
    await agent.scrape();
    const earlier = await executed();
    const asked = by("db_operation_name", await agent.scrape(), metrics.server, { comm });
    const socket = ["-h", folder, "-p", `${port}`, "-U", "postgres"];
    const bench = promisify(execFile)("pgbench", [
      ...socket,
      ...["-n", "-M", "extended", "-c", "4", "-t", "300", "postgres"],
    ]);
    await bench;
    const samples = await agent.scrape();
    const server = difference(by("db_operation_name", samples, metrics.server, { comm }), asked);
    const client = by("db_operation_name", samples, metrics.client, { pid: bench.child.pid ?? 0 });
    assert.deepEqual(server, client);
    assert.deepEqual(client, difference(await executed(), earlier));
    assert.equal(sum(samples, "ringtap_l7_lost_requests_total", { comm }), 0);
  });

  it("that are a pipeline, copy, fail or return many rows are as many as it says, and trace shows them", async (t) => {
    const { comm, client } = await started;
    const agent = await agentStarted();
    const trace = await startTrace(t, ["l7", "--output=json", "--where", `comm=${comm} code=22012`]);
    const labels = (samples: Samples): Counts => ({
      ...by("db_operation_name", samples, metrics.server, { comm }),
      ...by("db_response_status_code", samples, metrics.server, { comm }),
    });
    const before = labels(await agent.scrape());
    const pipeline = scratch("pipeline.sql");
    writeFileSync(pipeline, `\\startpipeline\n${"SELECT 1;\nVALUES (1);\n".repeat(20)}\\endpipeline\n`);
    await promisify(execFile)("pgbench", [...client, "-n", "-M", "extended", "-f", pipeline, "-t", "25", "postgres"]);
    const script = scratch("script.sql");
    writeFileSync(
      script,
      "CREATE TABLE t (a int PRIMARY KEY);\n\\copy t FROM PROGRAM 'seq 2000'\n\\copy t TO PROGRAM 'cat >/dev/null'\n" +
        "TABLE t;\nINSERT INTO t VALUES (1);\nSELECT 'secret', 1/0;\nNONSENSE;\nDELETE FROM none;\n" +
        "/* a comment */ DROP TABLE t;\n",
    );
    await promisify(execFile)("psql", [...client, "-Xqf", script, "postgres"], { maxBuffer: 2 ** 24 });
    assert.deepEqual(difference(labels(await agent.scrape()), before), {
      "": 25 * 40 + 5,
      "22012": 1,
      "23505": 1,
      "42601": 1,
      "42P01": 1,
      COPY: 2,
      CREATE: 1,
      DELETE: 1,
      DROP: 1,
      INSERT: 1,
      // SELECT is what the server says of TABLE and of VALUES too.
      SELECT: 25 * 40 + 2,
      _OTHER: 1,
    });
    const [event] = await eventually(() => {
      assert.equal(trace.events().length, 1);
      return trace.events();
    });
    const { signal, protocol, role, operation, status, code, error } = event ?? {};
    assert.deepEqual(
      [signal, protocol, role, operation, status, code, error],
      ["l7", "postgresql", "server", "SELECT", undefined, "22012", undefined],
    );
    assert(!JSON.stringify(event).includes("secret"));
  });

  it("have their statements in trace, without literals, where these are asked for", async (t) => {
    const { client, port } = await started;
    const script = scratch("statements.sql");
    const long = "a_long_name_that_the_record_has_no_room_for_since_it_has_eighty_bytes";
    writeFileSync(
      script,
      `SELECT 'secret' AS a, 4711, $$secret$$ /* secret */;\nSELECT 1 FROM pg_class WHERE relname IN ('secret', E'\\'secret');\n` +
        `SELECT 4711 AS ${long}, 'secret';\n\\set n 4711\nSELECT :n + 1;\n`,
    );
    const statements = (parameter: string): string[] => [
      "SELECT ? AS a, ?, ? ;",
      "SELECT ? FROM pg_class WHERE relname IN (?);",
      `SELECT ? AS ${long.slice(0, 80 - "SELECT 4711 AS ".length)}…`,
      `SELECT ${parameter} + ?;`,
    ];
    const traces = await traceStatements(t, port);
    const expected: (string | undefined)[] = [];
    for (const [mode, parameter] of [
      ["simple", "?"],
      ["extended", "$1"],
    ] as const) {
      await promisify(execFile)("pgbench", [...client, "-n", "-M", mode, "-f", script, "-t", "3", "postgres"]);
      expected.push(...Array.from({ length: 3 }, () => statements(parameter)).flat());
    }
    // Two of one call: which one a request has is not known.
    const pipeline = scratch("two.sql");
    writeFileSync(pipeline, "\\startpipeline\nSELECT 'secret';\nVALUES ('secret');\n\\endpipeline\n");
    await promisify(execFile)("pgbench", [...client, "-n", "-M", "extended", "-f", pipeline, "-t", "1", "postgres"]);
    expected.push(undefined, undefined);
    // One that is executed again, once it has been prepared.
    const again = scratch("again.sql");
    writeFileSync(again, "SELECT 4711, 'secret';\n");
    await promisify(execFile)("pgbench", [...client, "-n", "-M", "prepared", "-f", again, "-t", "3", "postgres"]);
    expected.push(...Array.from({ length: 3 }, () => "SELECT ?, ?;"));
    await promisify(execFile)("psql", [...client, "-Xqc", "SELECT 4711; SELECT 'secret'", "postgres"]);
    expected.push("SELECT ?; SELECT ?", undefined);
    await traces.show(expected, /secret|4711/);
  });

  /** Has pgbench execute statements for a while; resolves once it has executed some. */
  async function startBench(owner: Scope) {
    const { client, executed } = await started;
    const options = [...client, "-n", "-S", "-c", "4", "-R", "2000", "-T", "60", "postgres"];
    return startBusyClient(owner, "pgbench", options, async () => total(await executed()));
  }

  it("are counted when their client is killed", async (t) => {
    const { comm, executed } = await started;
    const agent = await agentStarted();
    const before = total(await operations({ comm }));
    const earlier = total(await executed());
    const { pid, kill } = await startBench(t);
    await kill();
    // The server finds out a moment later.
    await eventually(async () => {
      const samples = await agent.scrape();
      const received = total(by("db_operation_name", samples, metrics.server, { comm })) - before;
      const sent = total(by("db_operation_name", samples, metrics.client, { pid }));
      assert.equal(received, total(await executed()) - earlier);
      // Of each connection, the server may not have read the last one.
      assert(received <= sent && sent <= received + 4, `${sent} sent, ${received} received`);
      for (const end of [{ comm }, { pid }]) {
        assert.equal(sum(samples, "ringtap_l7_lost_requests_total", end), 0);
      }
    });
  });

  it("are counted from an agent that joins late: what was under way is lost as such", async (t) => {
    const { comm, executed } = await started;
    const { pid, kill } = await startBench(t);
    const earlier = total(await executed());
    const agent = await startAgent(t, ["--signals=l7", ...unlimitedSeries]);
    const later = total(await executed());
    const counted = async (metric: string, of: Readonly<Record<string, string | number>>): Promise<number> =>
      total(by("db_operation_name", await agent.scrape(), metric, of));
    await eventually(async () => {
      assert((await counted(metrics.server, { comm })) > 2_000);
    });
    await kill();
    await eventually(async () => {
      const logged = total(await executed());
      const samples = await agent.scrape();
      const lost = (of: Readonly<Record<string, string | number>>, labels = {}): number =>
        sum(samples, "ringtap_l7_lost_requests_total", { ...of, ...labels });
      const server = (await counted(metrics.server, { comm })) + lost({ comm });
      const client = (await counted(metrics.client, { pid })) + lost({ pid });
      // One for each connection can have been under way, at either end.
      for (const end of [{ comm }, { pid }]) {
        assert(lost(end) <= 4 && lost(end) === lost(end, { reason: "joined_late" }), `${lost(end)} lost`);
      }
      assert(logged - later <= server && server <= logged - earlier, `${server} of ${logged} - ${earlier}, ${later}`);
      assert(Math.abs(client - server) <= 4, `${client} sent, ${server} received`);
    });
  });

  it("has a word for each of the server's SQLSTATEs", async () => {
    const { ask } = await started;
    const [[version = ""] = []] = await ask("SHOW server_version_num");
    const file = `/usr/share/postgresql/${version.slice(0, 2)}/errcodes.txt`;
    const codes = execFileSync("grep", ["-oE", "^[0-9A-Z]{5} ", file], { encoding: "utf8" })
      .split(/\s+/)
      .filter(Boolean);
    const table = Buffer.from(postgresql.constants?.sqlstates ?? []).toString("latin1");
    const known = new Set(Array.from(table.matchAll(/[0-9A-Z]{5}(?=\0)/g), ([word]) => word));
    assert.deepEqual(
      codes.filter((code) => !known.has(code)),
      [],
    );
    assert(codes.length > 200);
  });
});
